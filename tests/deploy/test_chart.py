"""The Helm chart: whatever the values, what it renders is valid, safe, and starts every process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.environment import _SECRET, load_settings, variable
from config.production import check_production, check_production_api
from tasks.bootstrap.blueprint import Wanted
from tasks.bootstrap.sign_in import SignIn, Way
from tasks.bootstrap.starter import SECRETS as FOLDER
from tasks.bootstrap.starter import key_files, secret_files
from tasks.secret_stores.vault import SERVICE_ACCOUNT
from tests.deploy.rendered import CHART, Object, Refused, Rendered, program
from tests.deploy.value_sets import DOCUMENTS, MESHSTACK, VALUE_SETS
from tests.support.procfile import command_of
from workers.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
SECRETS = {
    "api-tokens": f"ops:admin:{'0' * 64}",
    "redis-password": "letters0and0digits",
    "redis-url": "rediss://connector:letters0and0digits@redis:6380/0",
    "url": "sentinels://connector:letters0and0digits@redis:26379/0?master_name=connector",
    "sentinel-password": "letters0and0digits",
    "flower-basic-auth": "ops:letters0and0digits",
    "notification-url": "https://hooks.example.com/x",
    "notification-secret": "letters0and0digits",
    "metering-database-url": "postgresql://connector:secret@db/costs",
    "meshstack-api-user": "user:password",
}
CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"}  # not of Kubernetes itself


@pytest.fixture(scope="module", params=VALUE_SETS, ids=str)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return Rendered.of(VALUE_SETS[request.param])


def test_kubernetes_takes_every_object(tmp_path: Path) -> None:
    validate, files = program("kubernetes-validate"), []
    for number, values in enumerate(VALUE_SETS.values()):
        kept = [each for each in Rendered.of(values).objects if each["kind"] not in CUSTOM]
        files.append(tmp_path / f"{number}.yaml")
        YAML(typ="safe").dump_all(kept, files[-1])

    command = [validate, "--kubernetes-version", "1.34", "--strict", *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert (ended.returncode, re.findall(r"^(?!INFO).+", ended.stdout, re.MULTILINE)) == (0, []), ended.stderr


def test_helm_finds_nothing_to_complain_about() -> None:
    command = [program("helm"), "lint", "--strict", str(CHART), "--values", "-"]
    ended = subprocess.run(command, input=json.dumps(DOCUMENTS), capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout
    assert not re.search(r"WARNING|ERROR", ended.stdout)


def test_what_is_named_is_there(rendered: Rendered) -> None:
    labels = [pod["metadata"]["labels"] for _, pod in rendered.pods()]
    accounts = {each["metadata"]["name"] for each in rendered.of_kind("ServiceAccount")}
    maps = {each["metadata"]["name"] for each in rendered.of_kind("ConfigMap")} | {"documents", "company-ca"}
    assert all(each["metadata"]["namespace"] == "platform" for each in rendered.objects)
    for _, pod in rendered.pods():
        spec, [container] = pod["spec"], pod["spec"]["containers"]
        volumes = {each["name"] for each in spec.get("volumes", [])} | {"data"}  # of the StatefulSet
        mounts = [each["name"] for each in container["volumeMounts"]]
        ports = {each["name"] for each in container.get("ports", [])}
        variables = [each["name"] for each in container["env"]]
        probes = re.findall(r'"port": "(\w+)"', json.dumps(container))

        assert len(mounts) == len(set(mounts))
        assert set(mounts) | {"data"} == volumes
        assert len(variables) == len(set(variables))
        assert spec["serviceAccountName"] in accounts
        assert set(probes) <= ports
        assert {each["configMapRef"]["name"] for each in container.get("envFrom", []) if "configMapRef" in each} <= maps
        assert {each["configMap"]["name"] for each in spec.get("volumes", []) if "configMap" in each} <= maps
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for each in rendered.of_kind(kind):
            spec = each["spec"]
            chosen = (
                spec["selector"] if kind == "Service" else (spec.get("selector") or spec["podSelector"])["matchLabels"]
            )
            assert sum(chosen.items() <= found.items() for found in labels) == 1, each


def test_nobody_is_root_or_may_become_it(rendered: Rendered) -> None:
    for component, pod in rendered.pods():
        spec, [container] = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "CONNECTOR_API_PORT=tcp://… of a Service is no setting"
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, component


def test_secrets_are_named_and_never_written(rendered: Rendered) -> None:
    held = set()
    for _, pod in rendered.pods():
        for each in pod["spec"]["containers"][0]["env"]:
            if "valueFrom" in each:
                assert each["valueFrom"].keys() == {"secretKeyRef"}
                held.add(each["name"])
    assert rendered.of_kind("Secret") == []
    written = {each["name"] for _, pod in rendered.pods() for each in pod["spec"]["containers"][0]["env"]} - held
    assert written & {variable(name) for name in _SECRET} <= {"CONNECTOR_REDIS_URL", "CONNECTOR_MESHSTACK_URL"}


def test_only_workers_hold_what_aws_takes_and_who_reads_documents_has_them(rendered: Rendered) -> None:
    pods = dict(rendered.pods())
    for component, pod in pods.items():
        [container] = pod["spec"]["containers"]
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        calls_aws = component == "worker"
        assert pod["spec"]["serviceAccountName"].endswith("-worker") == calls_aws
        assert ("/config" in mounted) == (component in {"api", "runner", "worker"})
        if not calls_aws:
            assert "/secrets/aws" not in mounted
            assert all("secretRef" not in each for each in container.get("envFrom", []))


def test_external_ids_lie_beside_the_documents_of_workers_alone() -> None:
    rendered = Rendered.of(VALUE_SETS["IRSA, ingress, monitoring, KEDA"])
    having = set()
    for component, pod in rendered.pods():
        [sources] = [
            each["projected"]["sources"] for each in pod["spec"]["volumes"] if each["name"] == "documents"
        ] or [[]]
        for source in sources:
            for item in source.get("secret", {}).get("items", []):
                having.add(component)
                assert item["path"] == f"secrets/{item['key']}"  # as `aws-connector bootstrap` calls the files
    assert having == {"worker"}


def test_each_secret_of_bootstrap_finds_its_way_to_the_workers() -> None:
    wanted = Wanted("aws.main", "1" * 12, "2" * 12, SignIn(Way.USER), automation_account="3" * 12)
    written = [*secret_files(wanted), *key_files(wanted)]

    keys = YAML(typ="safe").load(CHART / "values.yaml")["documents"]["secretFiles"]["keys"]

    assert [f"{FOLDER}/{key}" for key in keys] == written


def test_every_process_runs_what_the_procfile_says(rendered: Rendered) -> None:
    for component, _ in rendered.pods():
        if component != "redis":
            command = rendered.container(component)["command"]
            said = command_of(component)[-1].removeprefix("exec ").split(" --address")[0].split()
            assert command[: len(said)] == said


def environment(rendered: Rendered, component: str, directory: Path) -> Iterator[tuple[str, str]]:
    """Yield a process's variables, as a cluster gives them, with files that are there."""
    yield from rendered.named("ConfigMap", "-settings")["data"].items()
    known: dict[str, str] = {}
    for each in rendered.container(component)["env"]:
        if "valueFrom" in each:
            value = SECRETS[each["valueFrom"]["secretKeyRef"]["key"]]
        else:
            value = re.sub(r"\$\((\w+)\)", lambda found: known[found[1]], each["value"])
        if value.startswith(("/secrets/", "/etc/connector/")):
            file = directory / value.replace("/", "-")
            file.write_text("secret")
            value = str(file)
        known[each["name"]] = value
    yield from known.items()


def test_every_process_starts_with_the_settings_that_it_is_given(
    rendered: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for component, _ in rendered.pods():
        if component == "redis":
            continue
        with monkeypatch.context() as patch:
            for name in [each for each in os.environ if each.startswith(("CONNECTOR_", "HTTP", "NO_"))]:
                patch.delenv(name)
            for name, value in environment(rendered, component, tmp_path):
                patch.setenv(name, value)
            settings = load_settings()
            check_production(settings)
            if component == "api":
                check_production_api(settings)
            probes = json.dumps(rendered.container(component))
            assert ("startupProbe" in probes) == (component != "beat")
            assert {
                "api": settings.api_port,
                "worker": settings.metrics_port,
                "runner": settings.runner_port,
            }.get(component, 5555) in {
                each["containerPort"] for each in rendered.container(component).get("ports", [{"containerPort": 5555}])
            }


def test_names_fit_however_long_the_release_is() -> None:
    rendered = Rendered.of(VALUE_SETS["sign-in, meshStack, notifications, costs"], "release-" + "x" * 45)
    assert max(len(each["metadata"]["name"]) for each in rendered.objects) <= 63


def test_a_network_policy_guards_every_pod_and_redis_is_for_the_connector_alone() -> None:
    rendered = Rendered.of(VALUE_SETS["IRSA, ingress, monitoring, KEDA"])
    guarded = {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: each["spec"]
        for each in rendered.of_kind("NetworkPolicy")
    }
    assert guarded.keys() == {component for component, _ in rendered.pods()}
    assert all(each["policyTypes"] == ["Ingress", "Egress"] for each in guarded.values())
    assert "egress" not in guarded["redis"]
    assert [len(rule["from"]) for rule in guarded["redis"]["ingress"]] == [1]
    assert {each["namespaceSelector"]["matchLabels"]["name"] for each in guarded["api"]["ingress"][0]["from"]} == {
        "ingress",
        "monitoring",
    }
    assert "ingress" not in guarded["beat"]
    reach = {
        name: {port["port"] for rule in each.get("egress", []) for port in rule["ports"]}
        for name, each in guarded.items()
    }
    assert {name for name, ports in reach.items() if 443 in ports} == {"worker", "runner"}
    assert {name for name, ports in reach.items() if 80 in ports} == {"worker"}, "the agent of EKS Pod Identity"
    assert not {name for name, ports in reach.items() if 4318 in ports}


def test_traces_and_vault_are_reached_where_they_are_configured() -> None:
    rendered = Rendered.of(VALUE_SETS["secrets of Vault, traces"])
    reach = {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: {
            port["port"] for rule in each["spec"].get("egress", []) for port in rule["ports"]
        }
        for each in rendered.of_kind("NetworkPolicy")
    }
    assert {name for name, ports in reach.items() if 4318 in ports} == {"api", "worker"}
    assert {name for name, ports in reach.items() if 8200 in ports} == {"worker"}
    mounted = {each["mountPath"] for each in rendered.container("worker")["volumeMounts"]}
    assert str(SERVICE_ACCOUNT.parent) in mounted
    for component, _ in rendered.pods():
        named = {each["name"] for each in rendered.container(component)["env"]}
        assert bool({"VAULT_ADDR", "VAULT_ROLE", "VAULT_NAMESPACE"} & named) == (component == "worker")


def test_workers_are_scaled_by_a_metric_that_there_is() -> None:
    rendered = Rendered.of(VALUE_SETS["IRSA, ingress, monitoring, KEDA"])
    [trigger] = rendered.named("ScaledObject")["spec"]["triggers"]

    assert trigger["metadata"]["valueLocation"] in (ROOT / "docs" / "metrics.md").read_text()
    assert trigger["metadata"]["url"] == "http://r-aws-connector-api.platform.svc/metrics"
    assert trigger["metadata"]["targetValue"] == "24"  # 75 % of 32 threads
    assert rendered.named("ScaledObject")["spec"]["scaleTargetRef"]["name"] == "r-aws-connector-worker"
    assert "replicas" not in rendered.named("Deployment", "-worker")["spec"], "KEDA alone says how many"


def test_the_alerts_are_those_of_the_examples_word_by_word() -> None:
    rendered = Rendered.of(VALUE_SETS["IRSA, ingress, monitoring, KEDA"])
    alerts = YAML(typ="safe").load(EXAMPLES / "prometheus-alerts.yml")

    assert rendered.named("PrometheusRule")["spec"] == alerts
    assert (CHART / "files" / "prometheus-alerts.yml").resolve() == EXAMPLES.resolve() / "prometheus-alerts.yml"
    for each in rendered.of_kind("ServiceMonitor"):
        assert each["metadata"]["labels"]["release"] == "prometheus"
        wanted = each["spec"]["selector"]["matchLabels"].items()
        assert sum(wanted <= service["metadata"]["labels"].items() for service in rendered.of_kind("Service")) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "documents: name a ConfigMap"),
        ({**DOCUMENTS, "worker": {"replica": 2}}, "replica"),
        ({**DOCUMENTS, "settings": {"CONNECTOR_API_TOKENS": "x"}}, "CONNECTOR_API_TOKENS"),
        ({**DOCUMENTS, "settings": {"PATH": "x"}}, "PATH"),
        ({**DOCUMENTS, "autoscaling": {"enabled": True, "min": 0}}, "/autoscaling/min"),
        ({**DOCUMENTS, "meshstack": {**MESHSTACK, "url": "http://meshstack"}}, "/meshstack/url"),
        ({**DOCUMENTS, "meshstack": {"enabled": True}}, "/meshstack/runnerUuid"),
        ({**DOCUMENTS, "signIn": {"enabled": True}}, "/signIn/issuer"),
        ({**DOCUMENTS, "image": {"digest": "latest"}}, "/image/digest"),
        ({**DOCUMENTS, "beat": {"replicas": 3}}, "/beat/replicas"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: Mapping[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        Rendered.of(values)


def test_no_secret_can_be_written_among_the_settings() -> None:
    schema: Object = json.loads((CHART / "values.schema.json").read_text())
    refused = schema["properties"]["settings"]["propertyNames"]["not"]["enum"]
    assert {variable(name) for name in _SECRET} - {"CONNECTOR_MESHSTACK_METERING_URL"} <= set(refused)


def test_the_chart_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert YAML(typ="safe").load(CHART / "Chart.yaml")["appVersion"] == project["version"]
