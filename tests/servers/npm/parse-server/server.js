// Parse Server on PostgreSQL. `node server.js PORT DATABASE_URL`; application id and master key are in the environment.
"use strict";

const express = require("express");
const { ParseServer } = require("parse-server");

const [port, databaseURI] = process.argv.slice(2);

async function main() {
  const parse = new ParseServer({
    databaseURI,
    appId: process.env.APPLICATION_ID,
    masterKey: process.env.MASTER_KEY,
    serverURL: `http://127.0.0.1:${port}/parse`,
    silent: true,
    logsFolder: null,
    enableInsecureAuthAdapters: false,
    fileUpload: { enableForPublic: false },
  });
  await parse.start();
  express().use("/parse", parse.app).listen(Number(port), "127.0.0.1");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
