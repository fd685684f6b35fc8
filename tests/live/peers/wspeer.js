// The peer of Node's library `ws`; see __init__.py for what it does.
"use strict";

const fs = require("fs");
const http = require("http");
const https = require("https");
const readline = require("readline");
const { WebSocket, WebSocketServer } = require("ws");
const { version } = require("ws/package.json");

const [pem, closeCode, closeReason, subprotocol] = process.argv.slice(2);
const certificate = fs.readFileSync(pem);

const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

function splitMessage(message) {
    const third = Math.floor(message.length / 3);
    return [
        message.subarray(0, third),
        message.subarray(third, 2 * third),
        message.subarray(2 * third),
    ];
}

function behave(connection, target) {
    const behavior = target.split("?")[0].slice(1);
    connection.on("message", (message, binary) => {
        const fragments = behavior === "fragments" ? splitMessage(message) : [message];
        fragments.forEach((fragment, index) => {
            connection.send(fragment, { binary, fin: index === fragments.length - 1 });
        });
    });
    connection.on("pong", () => connection.send("pong"));
    connection.on("error", (error) => console.error(target, error));
    connection.on("close", (code, reason) => {
        say({
            target,
            subprotocol: connection.protocol || null,
            code,
            reason: reason.toString(),
        });
    });
    if (behavior === "close") {
        connection.close(Number(closeCode), closeReason);
    } else if (behavior === "ping") {
        connection.ping("from ws");
    }
}

function deflateOptions(parameters) {
    const options = { threshold: 0 };
    for (const [name, value] of Object.entries(parameters)) {
        options[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = value;
    }
    return options;
}

function listen(server) {
    const sockets = new WebSocketServer({
        server,
        perMessageDeflate: { threshold: 0 },
        handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    });
    sockets.on("connection", (connection, request) => behave(connection, request.url));
    return new Promise((resolve) => {
        server.listen(0, "127.0.0.1", () => resolve(server.address().port));
    });
}

async function main() {
    const plain = await listen(http.createServer());
    const secure = await listen(
        https.createServer({ key: certificate, cert: certificate })
    );
    readline
        .createInterface({ input: process.stdin })
        .on("line", (line) => {
            const { url, subprotocols, deflate } = JSON.parse(line);
            const { pathname, search } = new URL(url);
            const client = new WebSocket(url, subprotocols, {
                ca: certificate,
                perMessageDeflate: deflateOptions(deflate),
            });
            client.on("error", (error) => console.error(url, error));
            client.once("open", () => behave(client, pathname + search));
        })
        .on("close", () => process.exit());
    say({ version: `ws ${version}, Node ${process.version}`, plain, secure });
}

main();
