#!/bin/bash
base64 -d <<B | gunzip > /etc/ecs/ecs.config
H4sIAAAAAAACA3N1Do53
9gkNDnENsi1ITM5OTeFy
BQr5+Lv7uIa5+timpCaV
pnMBAMNoU1UmAAAA
B
