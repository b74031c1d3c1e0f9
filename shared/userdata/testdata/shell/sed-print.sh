#!/bin/bash
NAME=$(sed -n 's/^name: *//p' <<< "kind: x
name: fromsed")
echo "ECS_CLUSTER=$NAME" >> /etc/ecs/ecs.config
