#!/bin/bash
for i in {1..2}; do C="c$i"; done
for ((j=0;j<3;j++)); do K=$j; done
for x in $(seq 1 3); do L=$x; done
echo ECS_CLUSTER=$C-$K-$L >> /etc/ecs/ecs.config
