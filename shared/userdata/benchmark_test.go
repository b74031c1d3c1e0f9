package userdata_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

func BenchmarkRead(b *testing.B) {
	for name, text := range map[string]string{
		"script":       joinScript,
		"bottlerocket": "[settings.ecs]\ncluster = \"a\"\n",
		"cloud-config": "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=a\n",
		"windows":      "<powershell>\nInitialize-ECSAgent -Cluster a\n</powershell>\n",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				configuration := userdata.Read([]byte(text), userdata.Options{})
				if configuration.Cluster().Text == "" || len(configuration.Secrets()) > 0 {
					b.Fatal(configuration.Cluster())
				}
			}
		})
	}
}
