#!/bin/bash
printf '%-5s|%5s|%.2s|%c\n' ab cd efgh xyz > /etc/ecs/ecs.config
printf '%q=%q\n' ECS_CLUSTER prod-1 >> /etc/ecs/ecs.config
printf 'A=\x41\101\u0042 %03d %b\n' 7 'x\cy' z >> /etc/ecs/ecs.config
