#!/bin/bash
echo 'CLUSTER=prod' > /tmp/env
source /tmp/env
sh -c 'echo ECS_CLUSTER=$CLUSTER' > /etc/ecs/ecs.config
echo "ECS_B=$CLUSTER" >> /etc/ecs/ecs.config
bash <<'E' >> /etc/ecs/ecs.config
echo C=$CLUSTER
E
bash <<E >> /etc/ecs/ecs.config
echo D=$CLUSTER
E
