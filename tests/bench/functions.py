"""Measures the functions: how fast they start, what memory they take, what a day and a hundred times as much cost.

functions.py --host HOST --totesys TOTESYS --hello HELLO --package DIR --plugins DIR --out DIR [--rounds 21]

Under a stand-in for the Runtime API, with stand-ins for the services and a PostgreSQL. The start is the time from the start of the
process to the answer to its first event, whose message tells of no packet, with all plugins of the package in force; beside it the
same for a function that does nothing. What is in force stands in a file; or in a bucket, which takes trusted certificates (in one
file here, as on Amazon Linux) and a request to the stand-in for S3, whose own time is measured beside it. A request is billed as it
was counted; the seconds are those of the stand-ins, and for S3's own pace a request is taken for 20 ms more. Prints the figures and
writes DIR/functions.json.
"""

import argparse
import http.server
import json
import os
import pathlib
import queue
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

from ingest import Server

REGION = "eu-west-2"
# Each request is noted, so that it can be counted.
SERVE = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main
answer = DomainDispatcherApplication.__call__
log = open(sys.argv[2], "a", buffering=1)
def noted(self, environ, start):
    print(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_X_AMZ_TARGET", ""), file=log)
    return answer(self, environ, start)
DomainDispatcherApplication.__call__ = noted
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"""
TEST_EVENT = {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": '{"Event": "s3:TestEvent"}'}]}
# In US dollars in eu-west-2: a GB-second, an invocation, a request to S3 that writes or lists, one that reads, one to Secrets Manager.
# Standard parameters cost nothing.
PRICES = {"GB-second": 0.0000166667, "invocation": 0.2e-6, "write": 5.3e-6, "read": 0.42e-6, "secret": 5e-6, "parameter": 0}
# Seconds that a request takes longer in the cloud.
LATENCY = 0.02
MEMORY_GB = {"ingest": 0.5, "process": 1.0}

# How often a day has each of the events: polls every five minutes, of which those in working hours may find something. An order
# brings three packets. A hundred times as many orders: each poll in working hours finds some.
DAYS = {
    "a day of ToteSys": {"idle poll": 228, "poll with rows": 60, "packets of a poll": 60, "idle look": 96, "sweep": 1, "upkeep": 1},
    "a hundred times as much": {
        "idle poll": 156, "poll with 100 times the rows": 132, "packets of 100 times the rows": 132, "idle look": 96, "sweep": 1,
        "upkeep": 1},
}


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Hands events to one process, and takes its answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.events, self.answers, self.count = queue.Queue(), queue.Queue(), 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        """A process that is ended breaks its connection."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.server.events.get()
        self.server.count += 1
        self.send_response(200)
        self.send_header("lambda-runtime-aws-request-id", f"request-{self.server.count}")
        self.send_header("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + 240_000))
        self.send_header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-2:123456789012:function:test")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()
        self.server.answers.put((self.path.rsplit("/", 1)[1], time.perf_counter(), json.loads(body)))

    def log_message(self, *_):
        pass


class Function:
    """A process of a function."""

    def __init__(self, program, handler, environment):
        self.api = RuntimeApi()
        address = "%s:%d" % self.api.server_address
        environment = environment | {
            "AWS_LAMBDA_RUNTIME_API": address, "_HANDLER": handler, "AWS_LAMBDA_FUNCTION_NAME": handler,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        }
        self.started = time.perf_counter()
        self.process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def invoke(self, event):
        """The seconds until the answer."""
        asked = time.perf_counter()
        return self._answered(event) - asked

    def start(self, event):
        """The seconds from the start of the process to the answer to its first event."""
        return self._answered(event) - self.started

    def _answered(self, event):
        """When the answer came."""
        self.api.events.put(json.dumps(event).encode())
        kind, answered, answer = self.api.answers.get(timeout=240)
        if kind != "response":
            sys.exit(f"{event}: {answer}")
        return answered

    def peak_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024

    def end(self):
        self.process.kill()
        self.process.wait()


class Services:
    """Stand-ins for what functions talk to."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = folder / "requests.log"
        self.log.write_text("")
        self.process = subprocess.Popen([sys.executable, "-c", SERVE, str(port), self.log], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/")
                break
            except OSError:
                time.sleep(0.05)
        import boto3

        self.client = lambda service: boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )
        for name in ["raw", "star", "plugins"]:
            self.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def environment(self):
        return {
            "HOST_LAKE_RAW": "s3://raw/raw", "HOST_LAKE_STAR": "s3://star/star", "HOST_PLUGINS_PATH": "s3://plugins/plugins",
            "HOST_CHECKPOINTS_URL": "ssm:/totesys/checkpoints", "HOST_CONFIG": "[calendar]\nyears = \"2022..2027\"",
            "HOST_METRICS": "totesys", "HOST_SOURCE_URL": "secret:totesys", "AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true", "TMPDIR": "/tmp",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        }

    def counted(self):
        """The requests since this was last asked, by what they cost."""
        counts = dict.fromkeys(["read", "write", "secret", "parameter"], 0)
        for line in self.log.read_text().splitlines():
            method, path, query, target = (line.split(" ") + ["", ""])[:4]
            if "secretsmanager" in line:
                counts["secret"] += 1
            elif "AmazonSSM" in line:
                counts["parameter"] += 1
            elif method in ("PUT", "POST") or "list-type" in query or "uploads" in query:
                counts["write"] += 1
            elif method in ("GET", "HEAD"):
                counts["read"] += 1
        self.log.write_text("")
        return counts

    def end(self):
        self.process.kill()
        self.process.wait()


class Bench:
    """The functions, the services and what was measured."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.out = pathlib.Path(arguments.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.services = Services(self.out)
        self.program = str(arguments.package / "bootstrap")
        self.results = {}

    def publish(self, place):
        for plugin in sorted(self.arguments.plugins.glob("*.wasm")):
            command = [self.arguments.host, "plugin", "publish", plugin, "--store", place]
            subprocess.run(command, env=self.services.environment(), check=True, stdout=subprocess.DEVNULL)

    def start(self, name, given):
        """The paired times of the start, ours and that of a function that does nothing."""
        pairs = []
        for _ in range(self.arguments.rounds):
            times = []
            ours = (self.program, "process", self.services.environment() | given)
            for program, handler, environment in [ours, (self.arguments.hello, "hello", {})]:
                function = Function(str(program), handler, environment)
                times.append(function.start(TEST_EVENT))
                function.end()
            pairs.append(times)
        ours, hello = (statistics.median(times) for times in zip(*pairs))
        ratio = statistics.median(one / other for one, other in pairs)
        self.results[f"start, {name}"] = {"seconds": ours, "hello": hello, "ratio": ratio}
        print(f"start to first event, {name}: {ours * 1000:.1f} ms, of a function that does nothing {hello * 1000:.1f} ms: ratio {ratio:.2f}")

    def stand_in(self):
        """The seconds that the stand-in for S3 takes for the one request of a start, asked without any client."""
        host, port = self.services.url.removeprefix("http://").split(":")
        head = (f"GET /plugins/plugins/plugins.lock HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: AWS4-HMAC-SHA256 "
                f"Credential=x/20220101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n").encode()
        times = []
        for _ in range(self.arguments.rounds):
            with socket.create_connection((host, int(port))) as connection:
                asked = time.perf_counter()
                connection.sendall(head)
                answer = connection.recv(1 << 16)
                times.append(time.perf_counter() - asked)
            if b" 200 " not in answer.split(b"\r\n")[0]:
                sys.exit(f"plugins.lock: {answer}")
        bucket = self.results["start, plugins.lock in a bucket"]
        seconds = bucket["stand-in"] = statistics.median(times)
        ratio = bucket["ratio without the stand-in"] = (bucket["seconds"] - seconds) / bucket["hello"]
        print(f"of which the stand-in for S3 takes {seconds * 1000:.1f} ms: ratio without it {ratio:.2f}")

    def measure(self, name, function, kind, event):
        """An event: what it takes, and what it costs."""
        self.services.counted()
        seconds = function.invoke(event)
        counts = self.services.counted()
        slower = seconds + LATENCY * sum(counts.values())
        dollars = (PRICES["invocation"] + slower * MEMORY_GB[kind] * PRICES["GB-second"]
                   + sum(count * PRICES[what] for what, count in counts.items()))
        self.results[name] = {"seconds": seconds, "GB-seconds": slower * MEMORY_GB[kind], **counts, "dollars": dollars}
        print(f"{name}: {seconds:.2f} s, {slower * MEMORY_GB[kind]:.2f} GB-s in the cloud; requests {counts}; ${dollars:.7f}")

    def messages(self, tables):
        """A batch of the queue."""
        body = lambda table: json.dumps({"Records": [{"eventSource": "aws:s3", "s3": {
            "bucket": {"name": "raw"}, "object": {"key": f"raw/{table}/packets/00000001.packet.json"}}}]})
        return {"Records": [{"messageId": table, "eventSource": "aws:sqs", "body": body(table)} for table in tables]}

    def day(self):
        """Events of a day, one of each kind, over the whole of ToteSys."""
        server = Server(str(self.arguments.totesys))
        try:
            url = server.database("day")
            subprocess.run([self.arguments.totesys, "--postgres", url], check=True, stdout=subprocess.DEVNULL)
            self.services.client("secretsmanager").create_secret(Name="totesys", SecretString=url)
            environment = self.services.environment()
            ingest = Function(self.program, "ingest", environment)
            process = Function(self.program, "process", environment)
            self.measure("first load", ingest, "ingest", {})
            self.measure("first load, processed", process, "process", {"action": "process"})
            orders = ["sales_order", "transaction", "payment"]
            for poll, packets, rows in [("poll with rows", "packets of a poll", 1),
                                        ("poll with 100 times the rows", "packets of 100 times the rows", 100)]:
                for table in orders:
                    server.sql(f"UPDATE {table} SET last_updated = now() WHERE {table}_id <= {rows}", url)
                self.measure(poll, ingest, "ingest", {})
                self.measure(packets, process, "process", self.messages(orders))
            self.measure("idle poll", ingest, "ingest", {})
            self.measure("idle look", process, "process", {"action": "process"})
            self.measure("sweep", ingest, "ingest", {"action": "reconcile"})
            self.measure("upkeep", process, "process", {"action": "maintain"})
            self.results["peak MiB"] = {"ingest": ingest.peak_mib(), "process": process.peak_mib()}
            print("peak memory: " + ", ".join(f"{name} {peak:.0f} MiB" for name, peak in self.results["peak MiB"].items()))
            ingest.end()
            process.end()
        finally:
            server.stop()

    def bill(self):
        for name, events in DAYS.items():
            total = sum(self.results[event]["dollars"] * count for event, count in events.items())
            gb_seconds = sum(self.results[event]["GB-seconds"] * count for event, count in events.items())
            requests = sum((self.results[event]["read"] + self.results[event]["write"]) * count for event, count in events.items())
            self.results[name] = {"dollars": total, "GB-seconds": gb_seconds, "requests": requests}
            print(f"{name}: ${total:.3f}, {gb_seconds:,.0f} GB-s, {requests:,} requests to S3")


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["host", "totesys", "hello", "package", "plugins", "out"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=21)
    bench = Bench(parser.parse_args())
    try:
        published = bench.out / "published"
        for place in [published, bench.services.environment()["HOST_PLUGINS_PATH"]]:
            bench.publish(place)
        bench.start("plugins.lock in a file", {"HOST_PLUGINS_PATH": str(published)})
        bench.start("plugins.lock in a bucket", {})
        bench.stand_in()
        bench.day()
        bench.bill()
    finally:
        bench.services.end()
    (bench.out / "functions.json").write_text(json.dumps(bench.results, indent=2) + "\n")


if __name__ == "__main__":
    main()
