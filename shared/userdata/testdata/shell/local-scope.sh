#!/bin/bash
X=outer
f() { local X=inner; g; }
g() { echo "ECS_CLUSTER=$X" >> /etc/ecs/ecs.config; }
f
echo "ECS_INSTANCE_ATTRIBUTES={\"x\":\"$X\"}" >> /etc/ecs/ecs.config
