#!/bin/bash
set -e
echo A=1 > /etc/ecs/ecs.config
( false; echo B=2 >> /etc/ecs/ecs.config ) || true
( echo C=3 >> /etc/ecs/ecs.config; exit 1 )
echo D=4 >> /etc/ecs/ecs.config
