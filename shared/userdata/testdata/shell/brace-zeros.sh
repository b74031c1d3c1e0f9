#!/bin/bash
for i in {08..10} {3..01}; do echo "ECS_$i=$i" >> /etc/ecs/ecs.config; done
