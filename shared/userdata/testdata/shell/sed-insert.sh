#!/bin/bash
echo ECS_CLUSTER=sd >> /etc/ecs/ecs.config
sed -i '$aECS_LOGLEVEL=warn' /etc/ecs/ecs.config
sed -i '1i # managed' /etc/ecs/ecs.config
sed -i -E 's/^(ECS_CLUSTER)=(.*)$/\1=\2-x/' /etc/ecs/ecs.config
