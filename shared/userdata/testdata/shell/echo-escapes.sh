#!/bin/bash
echo -e 'ECS_CLUSTER=a\nECS_B=b\c ignored' > /etc/ecs/ecs.config
echo >> /etc/ecs/ecs.config
echo -ne 'ECS_C=\x41|\0101|\101\n' >> /etc/ecs/ecs.config
printf '%b' 'ECS_D=\0101|\101\n' >> /etc/ecs/ecs.config
