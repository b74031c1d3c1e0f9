#!/bin/bash
bash -c "bash -c 'echo A=1 >> /etc/ecs/ecs.config'"
bash -c "echo \"B=\$((1+1))\" >> /etc/ecs/ecs.config"
sh -c 'X=$1; echo C=$X >> /etc/ecs/ecs.config' _ val
bash -s -- q <<'E'
echo D=$1 >> /etc/ecs/ecs.config
E
