#!/bin/bash
(umask 077; cat > /etc/ecs/ecs.config <<E
ECS_CLUSTER=um
E
)
