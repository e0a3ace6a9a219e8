# SPDX-License-Identifier: Apache-2.0
"""A staging account on this machine, for people without an AWS account.

It makes a vendor CA, a staging root with a server certificate, and a device identity, runs a real mosquitto with mutual
TLS on the loopback addresses, and answers for AWS IoT Jobs and MQTT file streams. It knows the module only from the
outside."""

VERSION = "1.0.0"
