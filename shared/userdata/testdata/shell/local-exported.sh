#!/bin/bash
export A=1
f() { local A=2; bash -c 'echo "ECS_A=$A"' >> /etc/ecs/ecs.config; }
f
bash -c 'echo "ECS_B=$A"' >> /etc/ecs/ecs.config
g() { local B=3; export B; }
g
bash -c 'echo "ECS_C=${B:-none}"' >> /etc/ecs/ecs.config
