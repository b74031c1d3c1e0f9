#!/bin/bash
get() { case $1 in prod) echo p-1;; *) echo d-1;; esac; }
CL=$(get prod)
echo ECS_CLUSTER=$CL > /etc/ecs/ecs.config
is() { [ "$1" = y ]; }
is y && echo A=1 >> /etc/ecs/ecs.config
is n || echo B=2 >> /etc/ecs/ecs.config
if is y; then echo C=3 >> /etc/ecs/ecs.config; fi

