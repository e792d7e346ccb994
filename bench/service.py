"""The service: downloads of a finished file beside nginx sending the same file, and what a follower costs a job."""

import glob
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime

import report
from rounds import say

NGINX = """
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """Of the process and of its children."""
    children = open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read().split()
    total = 0.0
    for each in [str(pid), *children]:
        with open(f"/proc/{each}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


class Program:
    """A server that runs until the block is left."""

    def __init__(self, argv, environment, log, port, path):
        self.argv, self.environment, self.log, self.port, self.path = argv, environment, log, port, path

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.path}", timeout=5) as answer:
                    answer.read(1)
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.__exit__()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            sys.exit(f"{self.argv[0]} does not serve: {log.read()[-1000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         data=json.dumps(body).encode() if body else None,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def download(self, path):
        """By curl, which throws it away. Gives (seconds, bytes, CPU seconds of this server meanwhile)."""
        before = cpu_seconds(self.process.pid)
        done = subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{time_total} %{size_download}",
                               f"http://127.0.0.1:{self.port}{path}"], text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"the download failed: {done.stderr.strip()}")
        seconds, size = done.stdout.split()
        return float(seconds), int(size), cpu_seconds(self.process.pid) - before


def decant_service(options, server, folder):
    port = free_port()
    argv = [options.decant, "serve", "--listen", f"127.0.0.1:{port}", "--data", os.path.join(folder, "data"),
            "--expire-after", "never", "--max-connections", str(options.lanes), "--min-free", "1MB"]
    return Program(argv, server.environment, os.path.join(folder, "decant.log"), port, "/health")


def find_nginx(options):
    unpacked = os.path.join(options.peer_folder, "nginx/usr/sbin/nginx")
    return shutil.which(options.nginx) or shutil.which("nginx", path="/usr/sbin") or unpacked


def nginx_beside(options, folder, file):
    """Serves a second name of the very file that decant serves."""
    port = free_port()
    os.mkdir(os.path.join(folder, "files"))
    os.link(file, os.path.join(folder, "files/file"))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(NGINX.format(folder=folder, port=port, user="user root;" if os.geteuid() == 0 else ""))
    return Program([find_nginx(options), "-p", folder, "-c", path], dict(os.environ),
                   os.path.join(folder, "nginx.out"), port, "/file")


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def start_export(service, options):
    return service.call("/exports", {"table": options.table, "format": "csv"})["exportId"]


def finish_export(service, export):
    """Gives the status of a job that has ended well."""
    while True:
        status = service.call(f"/exports/{export}")
        if status["status"] == "completed":
            return status
        if status["status"] not in ("pending", "running"):
            sys.exit(f"the export is {status['status']}: {status['error']}")
        time.sleep(0.1)


def remove_export(service, export):
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{service.port}/exports/{export}", method="DELETE"),
                           timeout=60).read()


def run_job(service, options, followers):
    """Gives (seconds from start to completion, seconds after it until the last follower had everything)."""
    export = start_export(service, options)
    argv = ["curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{size_download}",
            f"http://127.0.0.1:{service.port}/exports/{export}/download"]
    following = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(followers)]
    status = finish_export(service, export)
    for process in following:
        size = process.communicate()[0]
        if process.returncode != 0 or int(size) != status["bytesWritten"]:
            sys.exit(f"a follower got {size} bytes of {status['bytesWritten']}, curl's exit code {process.returncode}")
    late = max(0.0, time.time() - moment(status["finishedAt"])) if followers else 0.0
    remove_export(service, export)
    return moment(status["finishedAt"]) - moment(status["startedAt"]), late


def spread(values):
    return f"{min(values):.2f}–{max(values):.2f}"


def measure_downloads(options, service, folder):
    export = start_export(service, options)
    status = finish_export(service, export)
    (file,) = glob.glob(os.path.join(folder, f"data/spool/{export}.*"))
    path = f"/exports/{export}/download"
    runs = {"decant": [], "nginx": []}
    with nginx_beside(options, folder, file) as nginx:
        for program, where in ((service, path), (nginx, "/file")):
            program.download(where)                       # not counted
        for number in range(2 * options.rounds):
            pair = [("decant", service, path), ("nginx", nginx, "/file")]
            for name, program, where in pair if number % 2 == 0 else pair[::-1]:
                say(f"download {number + 1} from {name}")
                runs[name].append(program.download(where))
    remove_export(service, export)
    sizes = {run[1] for some in runs.values() for run in some}
    if sizes != {status["bytesWritten"]}:
        sys.exit(f"downloads of {sizes} bytes, but the file has {status['bytesWritten']}")
    rate = statistics.median(n[0] / d[0] for d, n in zip(runs["decant"], runs["nginx"]))
    rows = [["download of a finished file", "seconds", "min–max", "MB/s", "own CPU s", "rate / nginx's"]]
    for name, some in runs.items():
        seconds = [run[0] for run in some]
        middle = statistics.median(seconds)
        rows.append([name, f"{middle:.2f}", spread(seconds), f"{some[0][1] / middle / 1e6:,.0f}",
                     f"{statistics.median(run[2] for run in some):.2f}", f"{rate:.2f}" if name == "decant" else "1"])
    return {"bytes": status["bytesWritten"], "rateToNginx": rate, "downloads": runs}, report.columns(rows, "lrrrrr")


def measure_followers(options, service):
    run_job(service, options, 0)                          # not counted
    runs = {0: [], 1: []}
    for number in range(options.rounds):
        for followers in (0, 1) if number % 2 == 0 else (1, 0):
            say(f"job {number + 1}, {followers} followers")
            runs[followers].append(run_job(service, options, followers))
    ratio = statistics.median(f[0] / a[0] for a, f in zip(runs[0], runs[1]))
    rows = [["job (CSV, to the end of fsync and digest)", "seconds", "min–max", "× without", "follower is done after"]]
    for followers, some in runs.items():
        seconds = [run[0] for run in some]
        rows.append([f"{followers or 'no'} follower", f"{statistics.median(seconds):.2f}", spread(seconds),
                     f"{ratio:.2f}" if followers else "1",
                     f"{statistics.median(run[1] for run in some):.2f} s" if followers else ""])
    return {"ratioWithFollower": ratio, "jobs": runs}, report.columns(rows, "lrrrr")


def measure(options, server):
    about = {**report.about(server), "table": options.table, "lanes": options.lanes, "rounds": options.rounds}
    with tempfile.TemporaryDirectory(prefix="decant-bench-", dir=options.data) as folder:
        with decant_service(options, server, folder) as service:
            downloads, first = measure_downloads(options, service, folder)
            followed, second = measure_followers(options, service)
    say("")
    text = (f"`{options.table}` as CSV, {downloads['bytes'] / 1e6:,.0f} MB; curl throws it away. "
            f"{2 * options.rounds} downloads, {options.rounds} jobs each. {report.about_text(about)}\n\n{first}\n\n{second}")
    print(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"about": about, **downloads, **followed}, f, indent=1)
    if options.write:
        report.write_block(options.write, options.block or "service", text)
