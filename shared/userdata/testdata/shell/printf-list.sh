#!/bin/bash
printf '%s\n' "ECS_CLUSTER=pf" "ECS_LOGLEVEL=warn" 'ECS_RESERVED_PORTS=[22, 80]' >> /etc/ecs/ecs.config
