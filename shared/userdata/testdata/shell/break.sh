#!/bin/bash
for f in /opt/conf/*.conf; do cat $f; done
for i in 1 2 3; do [ $i -eq 2 ] && break; LAST=$i; done
echo ECS_CLUSTER=l$LAST >> /etc/ecs/ecs.config
