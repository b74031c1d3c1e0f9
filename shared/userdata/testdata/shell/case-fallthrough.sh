#!/bin/bash
E=prod
case $E in
prod) echo ECS_CLUSTER=p >> /etc/ecs/ecs.config ;&
test) echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config ;;
*) echo ECS_NO=1 >> /etc/ecs/ecs.config;;
esac
case $E in
p*) echo A=1 >> /etc/ecs/ecs.config ;;&
*d) echo B=2 >> /etc/ecs/ecs.config ;;
*) echo ECS_NO=1 >> /etc/ecs/ecs.config;;
esac
