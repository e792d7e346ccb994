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
from rounds import check_same, merged, read, say, write

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
    """Gives the file's size and, per round, {program: seconds, CPU seconds of its own}."""
    export = start_export(service, options)
    size, rounds = finish_export(service, export)["bytesWritten"], []
    (file,) = glob.glob(os.path.join(folder, f"data/spool/{export}.*"))
    with nginx_beside(options, folder, file) as nginx:
        pair = [("decant", service, f"/exports/{export}/download"), ("nginx", nginx, "/file")]
        for number in range(2 * options.rounds + 1):
            say(f"download {number}")
            runs = {}
            for name, program, where in pair if number % 2 == 0 else pair[::-1]:
                seconds, got, own = program.download(where)
                if got != size:
                    sys.exit(f"a download of {got} bytes from {name}, but the file has {size}")
                runs[name] = {"seconds": seconds, "own_cpu_seconds": own}
            rounds.append(runs)
    remove_export(service, export)
    return size, rounds[1:]                               # the first fills the page cache


def measure_followers(options, service):
    """Gives, per round, {number of followers: seconds, and seconds until the last follower had everything}."""
    run_job(service, options, 0)                          # not counted
    rounds = []
    for number in range(options.rounds):
        runs = {}
        for followers in (0, 1) if number % 2 == 0 else (1, 0):
            say(f"job {number + 1}, {followers} followers")
            seconds, late = run_job(service, options, followers)
            runs[str(followers)] = {"seconds": seconds, "late_seconds": late}
        rounds.append(runs)
    return rounds


def median(rounds, name, field="seconds"):
    return statistics.median(runs[name][field] for runs in rounds)


def ratio(rounds, name, base):
    return statistics.median(runs[name]["seconds"] / runs[base]["seconds"] for runs in rounds)


def spread(rounds, name):
    seconds = [runs[name]["seconds"] for runs in rounds]
    return f"{min(seconds):.2f}–{max(seconds):.2f}"


def download_table(kept):
    rounds = kept["downloads"]
    rows = [["download of a finished file", "seconds", "min–max", "MB/s", "own CPU s", "rate / nginx's"]]
    for name in rounds[0]:
        middle = median(rounds, name)
        rows.append([name, f"{middle:.2f}", spread(rounds, name), f"{kept['bytes'] / middle / 1e6:,.0f}",
                     f"{median(rounds, name, 'own_cpu_seconds'):.2f}",
                     f"{ratio(rounds, 'nginx', name):.2f}" if name != "nginx" else "1"])
    return report.columns(rows, "lrrrrr")


def job_table(kept):
    rounds = kept["jobs"]
    rows = [["job (CSV, to the end of fsync and digest)", "seconds", "min–max", "× without", "follower is done after"]]
    for followers, title in (("0", "no follower"), ("1", "1 follower")):
        rows.append([title, f"{median(rounds, followers):.2f}", spread(rounds, followers),
                     f"{ratio(rounds, followers, '0'):.2f}" if followers != "0" else "1",
                     f"{median(rounds, followers, 'late_seconds'):.2f} s" if followers != "0" else ""])
    return report.columns(rows, "lrrrr")


def publish(options, kept):
    about = kept["about"]
    text = (f"`{about['table']}` as CSV, {kept['bytes'] / 1e6:,.0f} MB; curl throws it away. "
            f"{len(kept['downloads'])} downloads, {len(kept['jobs'])} jobs each. {report.about_text(about)}"
            f"\n\n{download_table(kept)}\n\n{job_table(kept)}")
    print(text)
    if options.write:
        report.write_block(options.write, options.block or "service", text)


def show(options):
    publish(options, read(options.show))


def measure(options, server):
    about = report.about(options, server)
    kept = read(options.json) if options.resume else {}
    if kept:
        check_same(options.json, kept["about"], about)
        about["builds"] = merged(kept["about"], about)
    with tempfile.TemporaryDirectory(prefix="decant-bench-", dir=options.data) as folder:
        with decant_service(options, server, folder) as service:
            size, downloads = measure_downloads(options, service, folder)
            jobs = measure_followers(options, service)
    say("")
    kept = {"about": about, "bytes": size, "downloads": kept.get("downloads", []) + downloads,
            "jobs": kept.get("jobs", []) + jobs}
    kept["rateToNginx"] = ratio(kept["downloads"], "nginx", "decant")
    kept["ratioWithFollower"] = ratio(kept["jobs"], "1", "0")
    write(options.json, kept)
    publish(options, kept)
