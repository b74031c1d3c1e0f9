#!/bin/bash
cat > /tmp/s.sh <<'E'
#!/bin/bash
echo A=$A B=$B >> /etc/ecs/ecs.config
E
chmod +x /tmp/s.sh
A=1
export B=2
/tmp/s.sh x
A=3 /tmp/s.sh y
bash /tmp/s.sh z
. /tmp/s.sh w
