// A CouchDB in memory: express-pouchdb with CouchDB's accounts and searches. `node server.js PORT DIRECTORY`
"use strict";

const path = require("node:path");
const express = require("express");
const expressPouchDB = require("express-pouchdb");
const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-adapter-http"))
  .plugin(require("pouchdb-mapreduce"))
  .plugin(require("pouchdb-replication"))
  .plugin(require("pouchdb-find"));

const [port, directory] = process.argv.slice(2);
const couch = expressPouchDB(PouchDB.defaults({ adapter: "memory" }), {
  configPath: path.join(directory, "config.json"),
  logPath: path.join(directory, "requests.log"),
});
express().use(couch).listen(Number(port), "127.0.0.1");
