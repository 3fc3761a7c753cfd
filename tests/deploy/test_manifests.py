"""What is started where: nothing runs as root or may write what it need not; secrets are files; names meet."""

import configparser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app.config import load

_Documents = Callable[[str], list[Any]]


@pytest.fixture
def services(documents: _Documents) -> dict[str, Any]:
    """Of the compose file."""
    (file,) = documents("compose.yaml")
    return dict(file["services"])


def test_every_container_is_locked_down(services: dict[str, Any]) -> None:
    """Read-only, no capability, not root, bounded; what is published is so on this machine only."""
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0, name
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 128, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert sorted(services) == ["alertmanager", "grafana", "hedgebot", "network", "prometheus", "watchdog"]


def test_all_share_the_network_the_bot_answers_on(services: dict[str, Any]) -> None:
    """It listens on loopback; what holds that network never restarts because of another."""
    assert "network_mode" not in services["network"]
    assert {service["network_mode"] for name, service in services.items() if name != "network"} == {"service:network"}
    assert services["network"]["restart"] == "always"


def test_secrets_are_files_and_volumes_are_there(documents: _Documents, repo_root: Path) -> None:
    """Each is declared; those that are mounted from the checkout exist."""
    (file,) = documents("compose.yaml")
    used = {secret for service in file["services"].values() for secret in service.get("secrets", [])}
    mounts = [volume.split(":")[0] for service in file["services"].values() for volume in service.get("volumes", [])]

    assert used == set(file["secrets"])
    assert all(secret["file"].startswith("./secrets/") for secret in file["secrets"].values())
    assert {name for name in mounts if not name.startswith(".")} == set(file["volumes"])
    assert all((repo_root / "deploy" / name).is_dir() for name in mounts if name.startswith("."))
    words = [str(value) for service in file["services"].values() for value in service.get("environment", {}).items()]
    assert [word for word in words if "SECRET'" in word or "PASSWORD'" in word] == []


def test_the_stateful_set_holds_together(documents: _Documents) -> None:
    """One replica; labels, volumes, keys of its maps and secrets all meet; every container is locked down."""
    found = {document["kind"]: document for document in documents("kubernetes/hedgebot.yaml")}
    spec = found["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}

    assert spec["replicas"] == 1
    assert spec["selector"]["matchLabels"] == labels == found["Service"]["spec"]["selector"]
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert spec["serviceName"] == found["Service"]["metadata"]["name"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
    for container in pod["containers"]:
        context = container["securityContext"]
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["resources"]["limits"]["memory"]
        asked = [
            item["valueFrom"]["configMapKeyRef"]["key"] for item in container.get("env", []) if "valueFrom" in item
        ]
        assert set(asked) <= set(found["ConfigMap"]["data"])


def test_the_configuration_of_the_stateful_set_is_one(documents: _Documents, tmp_path: Path) -> None:
    """It is understood; the ledger is on the volume."""
    (data,) = [
        document["data"] for document in documents("kubernetes/hedgebot.yaml") if document["kind"] == "ConfigMap"
    ]
    path = tmp_path / "desk.toml"
    path.write_text(data["desk.toml"])
    config = load(path, {}, run_tag="t")

    assert (config.mode.value, config.ledger_url) == ("testnet", "sqlite:////var/lib/hedgebot/ledger.db")
    assert (config.health_enabled, config.health_port) == (True, 8642)


@pytest.mark.parametrize(("name", "command"), [("hedgebot@", "run"), ("hedgebot-watchdog@", "watchdog")])
def test_a_unit_is_hardened(repo_root: Path, name: str, command: str) -> None:
    """One account each, no root, no secret in the environment; a bad configuration is not tried again."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    text = (repo_root / f"deploy/systemd/{name}.service").read_text()
    unit.read_string(text)
    service = unit["Service"]

    assert service["ExecStart"] == f"/opt/hedgebot/bin/hedgebot {command} --config /etc/hedgebot/%i.toml"
    assert (service["User"], service["KillSignal"], service["ProtectSystem"]) == ("hedgebot", "SIGTERM", "strict")
    assert (service["CapabilityBoundingSet"], service["NoNewPrivileges"]) == ("", "yes")
    assert "2" in service["RestartPreventExitStatus"].split()
    assert "CLIENT_SECRET_FILE=%d/client_secret" in text
    assert "CLIENT_SECRET=" not in text
