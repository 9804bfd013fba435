"""WordPress from the npm registry, with the system's php-cli, php-mysql and mariadb-server."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx

from connectors.rest.proving import Against
from connectors.rest.values import nested, pick
from syncadmin.embedded import Child, ChildFailed, free_port
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.peers import answers
from tests.servers import npm
from tests.servers.mariadb import MariaDbServer

RELEASE = "wp-6.5"
ACCOUNT = "admin"
# what a plugin does that gives posts fields of its own
FIELDS_OF_A_PLUGIN = """<?php
add_action('init', function () {
    foreach (['stock' => 'integer', 'credit' => 'number', 'active' => 'boolean'] as $name => $type) {
        register_post_meta('post', $name, ['type' => $type, 'single' => true, 'show_in_rest' => true]);
    }
});
"""
SETTINGS = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', '{user}');
define('DB_PASSWORD', '{password}');
define('DB_HOST', '{host}:{port}');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without https
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
INSTALL = """<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = $argv[1];
require __DIR__ . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Peer', 'admin', 'admin@example.com', false, '', 'not-a-secret');
update_option('permalink_structure', '/%postname%/');
update_option('timezone_string', 'America/New_York');
[$password] = WP_Application_Passwords::create_new_application_password(1, ['name' => 'SyncAdmin']);
echo "\\n$wp_version\\n$password";
"""
ROUTER = """<?php
$file = __DIR__ . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (is_file($file)) return false;
require __DIR__ . '/index.php';
"""


class WordPressHarness(RestHarness):
    """The site's posts, emptied: there is one such collection."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "content.raw",
        "integer": "meta.stock",
        "decimal": "meta.credit",
        "boolean": "meta.active",
    }
    refused: Mapping[str, Any] | None = {"content.raw": "x", "status": "no such status"}

    def __init__(self, url: str, password: str) -> None:
        http = httpx.Client(base_url=url, auth=(ACCOUNT, password), timeout=30)
        super().__init__(http, "/wp/v2/posts")
        self._url, self.secret, self._numbers = url, password, itertools.count(1_000_000)
        params = {"status": "any,trash,auto-draft", "per_page": "100", "_fields": "id"}
        while there := http.get(self._records, params=params).raise_for_status().json():
            for post in there:
                http.delete(f"{self._records}/{post['id']}", params={"force": "1"}).raise_for_status()

    def system(self, password: str) -> dict[str, Any]:
        return {
            "preset": "wordpress",
            "base_url": self._url,
            "auth": {"username": ACCOUNT, "password": password},
        }

    def told(self) -> dict[str, Any]:
        return {"preset": "wordpress", "collection": "posts"}

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return nested(super().body(values))

    def taken(self, answer: httpx.Response) -> dict[str, Any]:
        post = super().taken(answer)
        return {name: pick(post, name) for name in (self.key, "status", *self.fields.values())}

    def new_key(self) -> str:
        return str(next(self._numbers))

    def read(self, key: str) -> Mapping[str, Any] | None:
        answer = self._http.get(f"{self._records}/{key}", params={"context": "edit"})
        post = None if answer.status_code == 404 else self.taken(answer)
        return None if post is None or post["status"] == "trash" else post

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """WordPress and its database."""
    php = shutil.which("php")
    if php is None:
        raise ChildFailed("php is not installed: WordPress needs the system's php-cli and php-mysql")
    site, port = directory / "site", free_port()
    builds = npm.installed("wordpress") / "node_modules" / "@wp-playground" / "wordpress-builds"
    with zipfile.ZipFile(builds / "src" / "wordpress" / f"{RELEASE}.zip") as packed:
        packed.extractall(site)
    database = MariaDbServer(directory / "mariadb").start()
    child = Child(
        name="wordpress",
        command=[php, "-S", f"127.0.0.1:{port}", "-t", str(site), str(site / "router.php")],
        log=directory / "wordpress.log",
        env={**os.environ, "PHP_CLI_SERVER_WORKERS": "4"},
        cwd=site,
    )
    try:
        parts = urlsplit(database.create_database("wordpress"))
        told = {
            "user": parts.username,
            "password": parts.password,
            "host": parts.hostname,
            "port": parts.port,
        }
        settings = SETTINGS
        for name, value in told.items():
            settings = settings.replace(f"{{{name}}}", str(value))
        (site / "wp-config.php").write_text(settings)
        (site / "router.php").write_text(ROUTER)
        (site / "install.php").write_text(INSTALL)
        (site / "wp-content" / "mu-plugins").mkdir()
        (site / "wp-content" / "mu-plugins" / "fields.php").write_text(FIELDS_OF_A_PLUGIN)
        command = [php, str(site / "install.php"), f"127.0.0.1:{port}"]
        done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ChildFailed(f"WordPress was not installed\n{done.stdout}{done.stderr}")
        *_, version, password = done.stdout.split("\n")
        child.start()
        url = f"http://127.0.0.1:{port}/wp-json"
        child.wait_ready(lambda: answers(url), timeout=120)
        yield Served(f"WordPress {version} on MariaDB", lambda name: WordPressHarness(url, password))
    finally:
        child.stop()
        database.stop()


PEER = Peer(Against.REAL, serve)
