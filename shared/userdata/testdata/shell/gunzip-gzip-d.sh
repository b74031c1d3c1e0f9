#!/bin/bash
echo H4sIAAAAAAACA3N1Do539gkNDnENsi1ITM5OTeFyBQr5+Lv7uIa5+timpCaVpnMBAMNoU1UmAAAA | base64 --decode | gzip -dc - >> /etc/ecs/ecs.config
