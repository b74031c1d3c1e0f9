#!/bin/bash
write() { cat >> /etc/ecs/ecs.config; }
write <<E
ECS_CLUSTER=wr
E
echo ECS_LOGLEVEL=warn | write
