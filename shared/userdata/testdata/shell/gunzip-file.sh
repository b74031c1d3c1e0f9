#!/bin/bash
cat <<'B' | openssl base64 -d -A > /etc/ecs/ecs.config.gz
H4sIAAAAAAACA3N1Do539gkNDnENsi1ITM5OTeFyBQr5+Lv7uIa5+timpCaVpnMBAMNoU1UmAAAA
B
cd /etc/ecs
gunzip -f ecs.config.gz
echo ECS_LOGLEVEL=info >> ecs.config
