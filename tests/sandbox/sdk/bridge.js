// SPDX-License-Identifier: Apache-2.0
// The Jobs client of AWS's device SDK, led by lines of JSON: {"call": METHOD, "request": {...}} on standard input is answered
// with {"response": ...} or {"error": ...}; what it is told of comes as {"event": "list" or "next", ...}.
//   node bridge.js PORT CA CERTIFICATE KEY THING
"use strict";
const readline = require("readline");
const { iot, iotjobs, mqtt5 } = require("aws-iot-device-sdk-v2");

const [port, ca, certificate, key, thingName] = process.argv.slice(2);
const tell = (message) => process.stdout.write(JSON.stringify(message) + "\n");

const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath("localhost", certificate, key);
builder.withCertificateAuthorityFromPath(undefined, ca);
builder.withPort(Number(port));
builder.withConnectProperties({ clientId: thingName, keepAliveIntervalSeconds: 60 });
const connection = new mqtt5.Mqtt5Client(builder.build());
connection.on("connectionFailure", (event) => tell({ event: "failure", text: String(event.error) }));

const jobs = iotjobs.IotJobsClientv2.newFromMqtt5(connection, {
	maxRequestResponseSubscriptions: 6,
	maxStreamingSubscriptions: 2,
	operationTimeoutInSeconds: 20,
});

function listen(name, stream) {
	return new Promise((resolve) => {
		stream.on("subscriptionStatus", (status) => resolve(status));
		stream.on("incomingPublish", (publish) => tell({ event: name, message: publish.message }));
		stream.open();
	});
}

async function answer(line) {
	const { call, request } = JSON.parse(line);
	try {
		tell({ response: await jobs[call]({ thingName, ...request }) });
	} catch (error) {
		tell({ error: error.modeledError || String(error) });
	}
}

async function main() {
	connection.start();
	await Promise.all([
		listen("list", jobs.createJobExecutionsChangedStream({ thingName })),
		listen("next", jobs.createNextJobExecutionChangedStream({ thingName })),
	]);
	tell({ event: "ready" });
	for await (const line of readline.createInterface({ input: process.stdin }))
		await answer(line);
	process.exit(0); // its threads go on
}

main();
