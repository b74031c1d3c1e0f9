#!/bin/bash
set -euo pipefail
[ -n "${X:-}" ] && echo no >> /etc/ecs/ecs.config
echo A=1 >> /etc/ecs/ecs.config
false | true && echo B=2 >> /etc/ecs/ecs.config
for i in 1 2; do [ $i = 2 ] && echo I=$i >> /etc/ecs/ecs.config; done
while false; do :; done
echo C=3 >> /etc/ecs/ecs.config
! true
echo D=4 >> /etc/ecs/ecs.config
set +e
false
echo E=5 >> /etc/ecs/ecs.config
