"""Web servers in front of eyelet, with the configurations that docs/proxies.md gives."""

import glob
import os
import re
import socket
import subprocess
from pathlib import Path

from deadline import until

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ("nginx", "apache", "caddy", "haproxy", "lighttpd")

# A folder with their packages unpacked (ci/lib/unpacked.sh); without it, the machine's own are used.
UNPACKED = os.environ.get("EYELET_SERVERS", "")

# What a machine's own configuration would hold around the documented one.
AROUND = {
    "nginx": """
        daemon off; pid {folder}/pid; error_log {folder}/log; {user} events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
            uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
            {documented}
        }}""",
    "apache": """
        ServerName localhost
        DefaultRuntimeDir {folder}
        PidFile {folder}/pid
        ErrorLog {folder}/log
        User www-data
        Group www-data
        Listen 127.0.0.1:{port}
        LoadModule mpm_event_module {modules}/mod_mpm_event.so
        LoadModule authz_core_module {modules}/mod_authz_core.so
        LoadModule alias_module {modules}/mod_alias.so
        LoadModule proxy_module {modules}/mod_proxy.so
        LoadModule proxy_http_module {modules}/mod_proxy_http.so
        {documented}""",
    "caddy": "{{\n\tadmin off\n\tauto_https off\n}}\n{documented}",
    "haproxy": """
defaults
    timeout connect 5s
    timeout client 50s
    timeout server 50s
{documented}""",
    "lighttpd": """
        server.document-root = "{folder}"
        server.bind = "127.0.0.1"
        server.port = {port}
        server.errorlog = "{folder}/log"
        {documented}""",
}

COMMANDS = {
    "nginx": ("nginx", "-p", "{folder}", "-e", "{folder}/log", "-c", "{file}"),
    "apache": ("apache2", "-D", "FOREGROUND", "-f", "{file}"),
    "caddy": ("caddy", "run", "--adapter", "caddyfile", "--config", "{file}"),
    "haproxy": ("haproxy", "-db", "-f", "{file}"),
    "lighttpd": ("lighttpd", "-D", "-m", "{modules}", "-f", "{file}"),
}

MODULES = {"apache": "apache2/modules", "lighttpd": "lighttpd"}


def documented(title):
    """The configuration that the page gives under this name."""
    page = (REPOSITORY / "docs" / "proxies.md").read_text()
    blocks = re.findall(rf"^```{title}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"{len(blocks)} configurations of {title}"
    return blocks[0]


class Proxy:
    """A running one; `url` is where eyelet is to be found through it."""

    def __init__(self, title, eyelet, folder):
        name = title.split()[0]
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/cam/"
        text = documented(title)
        # The addresses of the page become those of this run.
        for before, after in (
                ("127.0.0.1:8000", f"127.0.0.1:{eyelet}"), ('"port" => 8000', f'"port" => {eyelet}'),
                ("listen 80", f"listen 127.0.0.1:{port}"), ("*:80>", f"127.0.0.1:{port}>"),
                ("bind :80", f"bind 127.0.0.1:{port}"), (":80 {", f"{self.origin} {{")):
            text = text.replace(before, after)
        (modules,) = glob.glob(f"{UNPACKED}/usr/lib/{MODULES[name]}") or [""] if name in MODULES else [""]
        values = {
            "folder": folder, "port": port, "modules": modules, "file": folder / "configuration", "documented": text,
            "user": "user root;" if os.geteuid() == 0 else "",
        }
        values["file"].write_text(AROUND[name].format(**values))
        command = [part.format(**values) for part in COMMANDS[name]]
        path = os.environ["PATH"] + ":/usr/sbin"
        with open(folder / "output", "w") as output:
            self._process = subprocess.Popen(
                [f"{UNPACKED}/run", *command] if UNPACKED else command, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env={**os.environ, "PATH": path, "HOME": str(folder)}, cwd=folder)
        self._folder = folder

        def listens():
            assert self._process.poll() is None, f"{name} ended:\n{self.log()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            until(listens, f"{name} listens")
        except BaseException:
            self.stop()
            raise

    def log(self):
        return "\n".join(file.read_text(errors="replace") for file in self._folder.glob("[lo][ou][gt]*"))

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
