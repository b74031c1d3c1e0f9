#!/bin/bash
set -e
f() { [ a = b ] && echo no; }
echo A=1 > /etc/ecs/ecs.config
f || echo B=2 >> /etc/ecs/ecs.config
if f; then :; fi
echo C=3 >> /etc/ecs/ecs.config
f
echo D=4 >> /etc/ecs/ecs.config
