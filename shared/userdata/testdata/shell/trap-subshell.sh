#!/bin/bash
cleanup() { echo Z=${1:-none} >> /etc/ecs/ecs.config; }
trap cleanup EXIT
trap 'echo no >> /etc/ecs/ecs.config' INT TERM
trap 'cleanup two' EXIT
echo A=1 > /etc/ecs/ecs.config
( trap 'echo sub >> /etc/ecs/ecs.config' EXIT; echo B=2 >> /etc/ecs/ecs.config )
bash -c 'trap "echo in >> /etc/ecs/ecs.config" EXIT; echo C=3 >> /etc/ecs/ecs.config'
