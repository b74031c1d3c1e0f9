#!/bin/bash
base64 -d <<B > /etc/ecs/ecs.config.gz
H4sIAAAAAAACA3N1Do539gkNDnENsi1ITM5OTeFyBQr5+Lv7uIa5+timpCaVpnMBAMNoU1UmAAAA
B
gunzip -t /etc/ecs/ecs.config.gz && echo ECS_CLUSTER=ok > /etc/ecs/ecs.config
gzip -l /etc/ecs/ecs.config.gz
