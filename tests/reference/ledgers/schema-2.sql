-- A ledger as hedgebot wrote it with schema 2: one hedge that was filled, one order whose end is not known.
BEGIN TRANSACTION;
CREATE TABLE decisions (
	run_id VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	seq BIGINT NOT NULL,
	now_ns BIGINT NOT NULL,
	convention VARCHAR NOT NULL,
	action VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	delta_coin_net FLOAT,
	delta_coin_low FLOAT,
	delta_coin_high FLOAT,
	delta_coin_options FLOAT,
	delta_coin_futures FLOAT,
	delta_coin_expiring FLOAT,
	delta_coin_surviving FLOAT,
	gamma_coin_per_usd FLOAT,
	gamma_coin_per_hour FLOAT,
	band_low_coin FLOAT,
	band_high_coin FLOAT,
	target_coin FLOAT,
	trade_coin FLOAT NOT NULL,
	price_usd FLOAT,
	index_usd FLOAT,
	hedge_instrument VARCHAR NOT NULL,
	hedge_age_ns BIGINT,
	option_age_ns_max BIGINT,
	doubtful TEXT NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (run_id, book, seq)
);
INSERT INTO "decisions" VALUES('old','BTC',5,1772359200000000000,'options_only','hedge','outside_band',0.9,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,-0.066,NULL,NULL,'BTC-PERPETUAL',NULL,NULL,'[]','');
CREATE TABLE fills (
	venue VARCHAR NOT NULL,
	fill_id VARCHAR NOT NULL,
	run_id VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	order_id VARCHAR NOT NULL,
	label VARCHAR,
	instrument VARCHAR NOT NULL,
	amount_native TEXT NOT NULL,
	price_native TEXT NOT NULL,
	fee_native TEXT NOT NULL,
	fee_currency VARCHAR NOT NULL,
	is_maker BOOLEAN NOT NULL,
	slippage_usd FLOAT,
	venue_ns BIGINT NOT NULL,
	received_ns BIGINT NOT NULL,
	PRIMARY KEY (venue, fill_id)
);
INSERT INTO "fills" VALUES('deribit','T-1','old','BTC','1','hbold0000001','BTC-PERPETUAL','-4200','64000','0.00002','BTC',0,-1.5,1772359201000000000,1772359201000000000);
CREATE TABLE intents (
	label VARCHAR NOT NULL,
	run_id VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	instrument VARCHAR NOT NULL,
	amount_native TEXT NOT NULL,
	price_native TEXT NOT NULL,
	arrival_mid_native FLOAT NOT NULL,
	valid_until_ns BIGINT NOT NULL,
	decided_seq BIGINT NOT NULL,
	PRIMARY KEY (label)
);
INSERT INTO "intents" VALUES('hbold0000001','old','BTC','BTC-PERPETUAL','-4200','64000',64000.5,1772359210000000000,5);
INSERT INTO "intents" VALUES('hbold0000002','old','BTC','BTC-PERPETUAL','30','64000',64000.5,1772359210000000001,6);
CREATE TABLE meta (
	"key" VARCHAR NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','2');
INSERT INTO "meta" VALUES('mode','testnet');
INSERT INTO "meta" VALUES('venue','deribit');
INSERT INTO "meta" VALUES('account','10');
CREATE TABLE order_events (
	event_id INTEGER NOT NULL,
	run_id VARCHAR NOT NULL,
	label VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	state VARCHAR,
	order_id VARCHAR,
	filled_native TEXT,
	cause TEXT NOT NULL,
	received_ns BIGINT NOT NULL,
	PRIMARY KEY (event_id)
);
INSERT INTO "order_events" VALUES(1,'old','hbold0000001','updated','filled','1','4200','',1772359201000000000);
CREATE TABLE positions (
	position_id INTEGER NOT NULL,
	run_id VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	instrument VARCHAR NOT NULL,
	fill_id VARCHAR,
	position_native TEXT NOT NULL,
	at_ns BIGINT NOT NULL,
	PRIMARY KEY (position_id)
);
INSERT INTO "positions" VALUES(1,'old','BTC','BTC-27MAR26-64000-C',NULL,'2',1772359200000000000);
INSERT INTO "positions" VALUES(2,'old','BTC','BTC-PERPETUAL','T-1','-4200',1772359201000000000);
CREATE TABLE reconciliations (
	reconciliation_id INTEGER NOT NULL,
	run_id VARCHAR NOT NULL,
	book VARCHAR NOT NULL,
	at_ns BIGINT NOT NULL,
	PRIMARY KEY (reconciliation_id)
);
INSERT INTO "reconciliations" VALUES(1,'old','BTC',1772359200000000000);
CREATE TABLE runs (
	run_id VARCHAR NOT NULL,
	started_ns BIGINT NOT NULL,
	ended_ns BIGINT,
	mode VARCHAR NOT NULL,
	config_hash VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('old',1772359200000000000,NULL,'testnet','c0ffee','0');
CREATE INDEX order_events_by_label ON order_events (label);
CREATE INDEX fills_by_label ON fills (label);
COMMIT;
