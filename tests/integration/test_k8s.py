"""The kustomize base renders, every object fits its schema, and every setting is one that the program knows."""

import pathlib
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

import servers
from support import ROOT

BASE = ROOT / "k8s" / "base"
VERSION = "1.34"


@pytest.fixture(scope="module")
def rendered():
    kubectl = pathlib.Path(sys.executable).parent / "kubectl"
    text = subprocess.run([kubectl, "kustomize", BASE], check=True, capture_output=True, text=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def deployments(rendered):
    return {d["metadata"]["name"]: d for d in rendered if d["kind"] == "Deployment"}


def container(deployment):
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return only


def test_the_base_has_the_three_programs_and_their_settings(rendered):
    assert set(deployments(rendered)) == {"ferry-controller", "ferry-reader", "ferry-writer"}
    assert [d["kind"] for d in rendered].count("ConfigMap") == 1


def test_every_object_fits_its_schema(rendered):
    for document in rendered:
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_a_misspelt_field_would_not_fit(rendered):
    broken = deployments(rendered)["ferry-reader"]
    container(broken)["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)
    del container(broken)["imagePullPolice"]


@pytest.mark.parametrize("name", ["controller", "reader", "writer"])
def test_every_setting_is_one_that_the_program_knows(rendered, name, tmp_path):
    (config,) = [d for d in rendered if d["kind"] == "ConfigMap"]
    for file, text in config["data"].items():
        (tmp_path / file).write_text(text)
    main = container(deployments(rendered)[f"ferry-{name}"])
    arguments = [a.replace("/etc/ferry", str(tmp_path)).replace("$(POD_NAME)", "pod-0") for a in main["args"]]
    result = subprocess.run([servers.program(main["command"][0]), *arguments, "--check-config"],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr


def test_health_has_its_own_port_and_the_api_stays_on_loopback(rendered):
    for name, deployment in deployments(rendered).items():
        main = container(deployment)
        assert [p["name"] for p in main["ports"]] == ["health"], name
        assert main["readinessProbe"]["httpGet"]["port"] == "health"
    assert "api.listen=127.0.0.1:8080" in container(deployments(rendered)["ferry-controller"])["args"]


def test_secrets_come_from_secrets_only(rendered):
    for deployment in deployments(rendered).values():
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        mounts = {m["name"]: m["mountPath"] for m in container(deployment)["volumeMounts"]}
        for volume in volumes:
            if "secret" in volume:
                assert mounts[volume["name"]].startswith("/run/secrets/ferry/")
    (config,) = [d for d in rendered if d["kind"] == "ConfigMap"]
    assert not any("client.secret=" in text for text in config["data"].values())
