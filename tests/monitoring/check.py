"""Reads the Slack message and the dashboard by their vendors' types, and runs every query on a real Prometheus."""

import http.server
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

from grafana_foundation_sdk.models.dashboard import Dashboard
from slack_sdk.models.blocks import Block

out = pathlib.Path(sys.argv[1])
root = pathlib.Path(__file__).parents[2]


def slack() -> None:
    for file in ["slack.json", "slack-largest.json"]:
        message = json.loads((out / file).read_text())
        for block in message["blocks"]:
            parsed = Block.parse(block)
            assert type(parsed) is not Block, f"slack_sdk does not know {block['type']}"
            parsed.validate_json()
        print(f"slack_sdk accepts {len(message['blocks'])} blocks of {file}")


def queries() -> list[str]:
    text = json.loads((root / "k8s/monitoring/dashboard.json").read_text())
    dashboard = Dashboard.from_json(text)
    assert len(dashboard.panels) == len(text["panels"]), "grafana_foundation_sdk does not know every panel"
    print(f"grafana_foundation_sdk reads {len(dashboard.panels)} panels")
    found = [target["expr"] for panel in text["panels"] for target in panel["targets"]]
    alerts = (root / "k8s/monitoring/alerts.yaml").read_text()
    return found + re.findall(r"^\s*expr: (.*)$", alerts, re.M)


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write((out / "run.prom").read_bytes())

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(port: int, query: str) -> list:
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url) as answer:
        document = json.load(answer)
    assert document["status"] == "success", document
    return document["data"]["result"]


def pushgateway() -> None:
    """A real Pushgateway takes what a run puts there, and replaces it by what the next one puts."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    text = (out / "run.prom").read_bytes()
    with subprocess.Popen(["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{url}/-/ready").close()
                    break
                except OSError:
                    time.sleep(0.5)
            for _ in range(2):
                # The path and the headers of src/notify.
                path = f"{url}/metrics/job/kube-rebalancer/lease/kube-rebalancer"
                headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
                put = urllib.request.Request(path, data=text, headers=headers, method="PUT")
                with urllib.request.urlopen(put) as answer:
                    assert answer.status == 200, answer.status
            with urllib.request.urlopen(f"{url}/metrics") as answer:
                shown = answer.read().decode()
        finally:
            process.terminate()
    names = {line.split("{")[0].split(" ")[0] for line in text.decode().splitlines() if not line.startswith("#")}
    missing = [name for name in names if f"\n{name}{{" not in shown]
    assert not missing, missing
    assert 'job="kube-rebalancer"' in shown and 'lease="kube-rebalancer"' in shown
    print(f"a Pushgateway shows {len(names)} metrics of the run")


def prometheus(asked: list[str]) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "prometheus.yml")
        scrape = {
            "global": {"scrape_interval": "1s"},
            "rule_files": [str(root / "k8s/monitoring/alerts.yaml")],
            "scrape_configs": [
                {"job_name": "textfile", "static_configs": [{"targets": [f"127.0.0.1:{server.server_port}"]}]}
            ],
        }
        config.write_text(json.dumps(scrape))
        command = [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
        with subprocess.Popen(command) as process:
            try:
                run_queries(port, asked)
            finally:
                process.terminate()


def run_queries(port: int, asked: list[str]) -> None:
    for _ in range(120):
        try:
            if ask(port, "kube_rebalancer_last_run_success"):
                break
        except OSError:
            pass
        time.sleep(0.5)
    else:
        raise SystemExit("Prometheus did not scrape the metrics")
    # What an alert compares is there, though none fires; a panel that hides zeros is asked without that. An alert on a metric that
    # is absent has no answer while the metric is there.
    for query in asked:
        filled_in = query.replace("$pool", ".*")
        answer = ask(port, filled_in)
        absent = re.fullmatch(r"absent\((.*)\)", filled_in)
        assert not (absent and answer), f"{filled_in} fires"
        whole = absent[1] if absent else re.sub(r"\s(==|>)\s\S+$", "", filled_in)
        assert ask(port, whole), f"nothing answers {whole}"
    print(f"{len(asked)} queries ran on Prometheus, each with an answer")


slack()
pushgateway()
prometheus(queries())
