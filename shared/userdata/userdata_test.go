package userdata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

// archive is what "cloud-init devel make-mime" and Terraform's cloudinit_config make.
func archive(parts ...string) string {
	return "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"\nMIME-Version: 1.0\r\n\r\n--MIMEBOUNDARY\r\n" +
		strings.Join(parts, "\r\n--MIMEBOUNDARY\r\n") + "\r\n--MIMEBOUNDARY--\r\n"
}

const joinScript = "#!/bin/bash\necho ECS_CLUSTER=prod-blue >> /etc/ecs/ecs.config\n"

// TestEvidence: a script that mentions the file for another reason sets nothing up.
func TestEvidence(t *testing.T) {
	writes := []userdata.EvidenceKind{userdata.WritesConfig}
	tests := map[string]struct {
		text    string
		want    []userdata.EvidenceKind
		cluster string // "?" for one that isn't known
	}{
		"nothing":                 {"", nil, "default"},
		"another script":          {"#!/bin/bash\nyum install -y nginx\n", nil, "default"},
		"a comment":               {"#!/bin/bash\n# ECS_CLUSTER=prod goes to /etc/ecs/ecs.config\nyum install -y nginx\n", nil, "default"},
		"reads the file":          {"#!/bin/bash\nCLUSTER=$(grep ECS_CLUSTER= /etc/ecs/ecs.config | cut -d= -f2)\naws ecs list-tasks --cluster $CLUSTER\n", nil, "default"},
		"backs the file up":       {"#!/bin/bash\ncp /etc/ecs/ecs.config /tmp/backup\nchmod 600 /etc/ecs/ecs.config\n", nil, "default"},
		"the same name elsewhere": {"#!/bin/bash\nECS_CLUSTER=prod\naws ecs update-service --cluster $ECS_CLUSTER --service web\n", nil, "default"},
		"stops the agent":         {"#!/bin/bash\nsystemctl stop ecs\nsystemctl disable ecs\n", nil, "default"},
		"prints the name":         {"#!/bin/bash\necho 'append ECS_CLUSTER=x to /etc/ecs/ecs.config' > /etc/motd\n", nil, "default"},
		"another program's file":  {"#!/bin/bash\necho ECS_CLUSTER=x >> /opt/app/.env\n", nil, "default"},
		"joins a cluster":         {joinScript, writes, "prod-blue"},
		"only starts the agent":   {"#!/bin/bash\nyum install -y ecs-init\nstart ecs\n", []userdata.EvidenceKind{userdata.InstallsAgent, userdata.StartsAgent}, "default"},
		"copies the file from S3": {"#!/bin/bash\naws s3 cp s3://acme/ecs.config /etc/ecs/ecs.config\n", []userdata.EvidenceKind{userdata.FetchesConfig}, "?s3://acme/ecs.config"},
		"Windows":                 {"<powershell>\r\nImport-Module ECSTools\r\nInitialize-ECSAgent -Cluster 'windows' -EnableTaskIAMRole\r\n</powershell>", []userdata.EvidenceKind{userdata.RunsInitialize}, "windows"},
		"Windows in lower case":   {"<powershell>initialize-ecsagent -EnableTaskIAMRole -cluster win2</powershell>", []userdata.EvidenceKind{userdata.RunsInitialize}, "win2"},
		"Windows, another use":    {"<powershell>\n# Initialize-ECSAgent -Cluster x\n[Environment]::SetEnvironmentVariable('JAVA_HOME', 'C:\\java', 'Machine')\n</powershell>", nil, "default"},
		"Bottlerocket":            {"[settings.host-containers.admin]\nenabled = true\n\n[settings.ecs]\nlogging-drivers = [\"json-file\"]\ncluster = \"rocket\"\n", []userdata.EvidenceKind{userdata.SetsBottlerocket}, "rocket"},
		"Bottlerocket elsewhere":  {"[settings.kubernetes]\ncluster = \"kube\"\n", nil, "default"},
		"external instance":       {"#!/bin/bash\ncurl -o /tmp/ecs-anywhere-install.sh https://example.com/a.sh\nsudo bash /tmp/ecs-anywhere-install.sh --region eu-west-1 --cluster far --activation-id $ID --activation-code $CODE\n", []userdata.EvidenceKind{userdata.InstallsAgent}, "far"},
		"agent in docker run":     {"#!/bin/bash\ndocker run -d --name ecs-agent -e ECS_CLUSTER=hand --env=ECS_LOGLEVEL=info amazon/amazon-ecs-agent:latest\n", []userdata.EvidenceKind{userdata.StartsAgent}, "hand"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for form, text := range map[string]string{
				"as it is": test.text, "base64": encoded(test.text), "gzip": gzipped(t, test.text), "gzip in base64": encoded(gzipped(t, test.text)),
				"MIME":             archive("Content-Type: text/x-shellscript; charset=\"us-ascii\"\r\n\r\n" + test.text),
				"MIME with base64": archive("Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(test.text)),
			} {
				got := userdata.Read([]byte(text), userdata.Options{})
				var kinds []userdata.EvidenceKind
				for _, evidence := range got.Evidence {
					kinds = append(kinds, evidence.Kind)
				}
				if !slices.Equal(kinds, test.want) || got.IsECSSetup() != (len(test.want) > 0) {
					t.Errorf("%s: evidence %q, want %q", form, kinds, test.want)
				}
				cluster := got.Cluster()
				if shown := cluster.Text + strings.Repeat("?", min(1, len(cluster.Unknown))) + cluster.Unknown; shown != test.cluster {
					t.Errorf("%s: cluster %q, want %q", form, shown, test.cluster)
				}
			}
		})
	}
}

// Values of secrets in these tests.
const (
	canaryAuth   = "Y2FuYXJ5OmNhbmFyeQ=="
	canaryKey    = "AKIAIOSFODNN7EXAMPLE"
	canarySecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE"
)

func TestSecrets(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"registry credentials":           {"#!/bin/bash\ncat <<EOF >> /etc/ecs/ecs.config\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"https://index.docker.io/v1/\":{\"auth\":\"" + canaryAuth + "\"}}\nEOF", []string{"ECS_ENGINE_AUTH_DATA:4"}},
		"of type docker":                 {"#!/bin/bash\necho 'ECS_ENGINE_AUTH_DATA={\"r.io\":{\"username\":\"u\",\"password\":\"hunter2!\"}}' >> /etc/ecs/ecs.config", []string{"ECS_ENGINE_AUTH_DATA:2"}},
		"by way of a variable":           {"#!/bin/bash\nAUTH=" + canaryAuth + "\necho \"ECS_ENGINE_AUTH_DATA={\\\"r.io\\\":{\\\"auth\\\":\\\"$AUTH\\\"}}\" >> /etc/ecs/ecs.config", []string{"ECS_ENGINE_AUTH_DATA:2"}},
		"without its quotes":             {"#!/bin/bash\necho ECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\"" + canaryAuth + "\"}} >> /etc/ecs/ecs.config", []string{"ECS_ENGINE_AUTH_DATA:2"}},
		"in gzip and MIME":               {gzipped(t, archive("Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\n"+encoded("#!/bin/sh\necho 'ECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\""+canaryAuth+"\"}}' >/etc/ecs/ecs.config"))), []string{"ECS_ENGINE_AUTH_DATA:1"}},
		"packed in a here-document":      {"#!/bin/bash\nyum update -y\nbase64 -d <<B | gunzip > /etc/ecs/ecs.config\n" + encoded(gzipped(t, "ECS_CLUSTER=a\nECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\""+canaryAuth+"\"}}\n")) + "\nB\n", []string{"ECS_ENGINE_AUTH_DATA:4"}},
		"packed in a here-string":        {"#!/bin/bash\n\nzcat < <(base64 -d <<< " + encoded(gzipped(t, "ECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\""+canaryAuth+"\"}}\n")) + ") > /etc/ecs/ecs.config\n", []string{"ECS_ENGINE_AUTH_DATA:3"}},
		"written by another program":     {"#!/usr/bin/env python3\nopen('/etc/ecs/ecs.config','w').write('ECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\"" + canaryAuth + "\"}}')", []string{"ECS_ENGINE_AUTH_DATA:2"}},
		"fetched as a whole":             {"#!/bin/bash\necho ECS_ENGINE_AUTH_DATA=$(aws secretsmanager get-secret-value --secret-id registry) >> /etc/ecs/ecs.config", nil},
		"fetched in part":                {"#!/bin/bash\nAUTH=$(aws ssm get-parameter --name a)\necho \"ECS_ENGINE_AUTH_DATA={\\\"r.io\\\":{\\\"auth\\\":\\\"$AUTH\\\"}}\" >> /etc/ecs/ecs.config", nil},
		"a template":                     {"#!/bin/bash\ncat <<'EOF' > /etc/ecs/ecs.config\nECS_ENGINE_AUTH_DATA={\"r.io\":{\"auth\":\"${var.registry_auth}\"}}\nEOF", nil},
		"empty":                          {"#!/bin/bash\nECS_ENGINE_AUTH_DATA=\nECS_CLUSTER=a", nil},
		"AWS keys":                       {"#!/bin/bash\nexport AWS_ACCESS_KEY_ID=" + canaryKey + "\nexport AWS_SECRET_ACCESS_KEY=" + canarySecret + "\n", []string{"AWS_ACCESS_KEY_ID:2", "AWS_SECRET_ACCESS_KEY:3"}},
		"AWS keys of aws configure":      {"#!/bin/bash\naws configure set aws_secret_access_key " + canarySecret, []string{"AWS_SECRET_ACCESS_KEY:2"}},
		"an access key's id in a word":   {"#!/bin/bash\necho XAKIAIOSFODNN7EXAMPLEX", nil},
		"credentials on Bottlerocket":    {"[settings.ecs]\ncluster = \"a\"\n[[settings.container-registry.credentials]]\nregistry = \"docker.io\"\nusername = \"u\"\npassword = \"" + canaryAuth + "\"\n", []string{"ECS_ENGINE_AUTH_DATA:6"}},
		"credentials in an inline table": {"[settings.container-registry]\ncredentials = [{registry = \"r.io\", auth = \"" + canaryAuth + "\"}]\n", []string{"ECS_ENGINE_AUTH_DATA:2"}},
		"docker login":                   {"#!/bin/bash\ndocker login -u ci -p hunter2hunter2 r.io\n", []string{"docker login:2"}},
		"docker login from a program":    {"#!/bin/bash\naws ecr get-login-password | docker login -u AWS --password-stdin r.io\ndocker login -u ci -p \"$TOKEN\" r.io\n", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range userdata.Read([]byte(test.text), userdata.Options{}).Secrets() {
				got = append(got, fmt.Sprintf("%s:%d", s.Variable, s.Line))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestReadingIsBounded: archives and scripts that grow without end must not.
func TestReadingIsBounded(t *testing.T) {
	racetest.Skip(t)
	t.Parallel()
	bomb := strings.Repeat("0", 4<<20)
	for range 3 {
		bomb = gzipped(t, bomb)
	}
	nested := joinScript
	for i := range 30 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=B%d\r\n\r\n--B%d\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--B%d--", i, i, encoded(nested[:min(len(nested), 200_000)]), i)
	}
	doubling := "#!/bin/bash\nX=0123456789\n" + strings.Repeat("X=$X$X\n", 64) + "echo A=$X >> /etc/ecs/ecs.config\n"
	lines := func(n int, format string) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(strings.ReplaceAll(format, "%", fmt.Sprint(i)))
		}
		return text.String()
	}
	const heredoc = "#!/bin/bash\nV=x\ncat > /etc/ecs/ecs.config <<EOF\n"
	for name, text := range map[string]string{
		"bomb": bomb, "nested": nested, "doubling": doubling,
		// Each of these took minutes while something in the reader was quadratic.
		"open braces":      "#!/bin/bash\necho " + strings.Repeat("{", 500_000) + "\n",
		"open references":  "#!/bin/bash\n" + strings.Repeat("${", 300_000) + "\n",
		"references":       "#!/bin/bash\n" + lines(60_000, "echo ${v%}\n"),
		"known in heredoc": heredoc + lines(15_000, "ECS_X%=$V$V\n") + "EOF\n",
		"heredoc":          heredoc + lines(15_000, "ECS_X%=${U%}\n") + "EOF\n",
		"edits":            heredoc + lines(15_000, "ECS_X%=v\n") + "EOF\n" + lines(2_000, "sed -i s/X%=v/X%=w/ /etc/ecs/ecs.config\n"),
		"elements":         "#!/bin/bash\nA=(" + lines(60_000, "x% ") + ")\nprintf '%s\\n' \"${A[@]}\" > /etc/ecs/ecs.config\n",
		"write_files":      "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n" + lines(20_000, "    ECS_X%=v\n"),
		"variables":        "<powershell>\n" + lines(12_000, "[Environment]::SetEnvironmentVariable('ECS_X%', 'v', 'Machine')\n") + "</powershell>\n",
		"blocks":           "<powershell>\n" + strings.Repeat("if ($x) {\n", 100_000) + "</powershell>\n",
		"packed":           "#!/bin/bash\nZ=" + encoded(gzipped(t, strings.Repeat("0", 1<<20))) + "\n" + lines(8_000, "base64 -d <<< $Z | zcat > /tmp/%\n"),
		"packed files":     "#!/bin/bash\nbase64 -d <<< " + encoded(gzipped(t, strings.Repeat("0", 1<<20))) + " > /tmp/x.gz\n" + lines(8_000, "gunzip -kf /tmp/x.gz\ncat /tmp/x > /tmp/%\n"),
		"recursion":        "#!/bin/bash\nf() { f; f; }\nf\neval \"eval eval eval f\"\n",
		"braces":           "#!/bin/bash\necho " + strings.Repeat("{a,b}", 40) + " >> /etc/ecs/ecs.config\n",
		"loops":            "#!/bin/bash\n" + strings.Repeat("for i in 1 2 3 4 5 6 7 8 9; do ", 12) + "echo A=$i >> /etc/ecs/ecs.config; " + strings.Repeat("done; ", 12) + "\n",
		"branches":         "#!/bin/bash\n" + strings.Repeat("if [ -f /x ]; then ", 30) + "echo A=1 >> /etc/ecs/ecs.config; " + strings.Repeat("fi; ", 30) + "\n",
		"appending":        "#!/bin/bash\n" + strings.Repeat("cat /etc/ecs/ecs.config /etc/ecs/ecs.config > /tmp/x; echo A=1 >> /tmp/x; cp /tmp/x /etc/ecs/ecs.config\n", 64),
	} {
		t.Run(name, func(t *testing.T) {
			configuration := userdata.Read([]byte(text), userdata.Options{})
			_, _, _ = configuration.Judge(), configuration.Explain(), configuration.Mask()
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		joinScript, encoded(joinScript), gzipped(f, joinScript), archive("Content-Type: text/x-shellscript\r\n\r\n" + joinScript),
		"#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  encoding: gz+b64\n  content: " + encoded(gzipped(f, "ECS_CLUSTER=a\n")) + "\nruncmd:\n- [sh, -c, 'echo B=\"1\" >> /etc/ecs/ecs.config']\n",
		"[settings.ecs]\ncluster = \"a\"\nlogging-drivers=[\"x\"]\n[[settings.container-registry.credentials]]\nregistry='r'\npassword='p'\n",
		"<powershell>\n$p = @{ Cluster = 'a' }\nInitialize-ECSAgent @p -LoggingDrivers '[\"awslogs\"]'\nsetx A \"b\" /M\n</powershell>",
		"#!/bin/sh\nX=${Y:-a}; case $X in a) printf '%s=%b\\n' ECS_CLUSTER $X | tee -a /etc/ecs/ecs.config;; *) ;; esac\ncat <<-E >/etc/ecs/ecs.config\n\tA=${X%a}{b,c}$'\\n'\n\tE\n",
	} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, source []byte, template bool) {
		configuration := userdata.Read(source, userdata.Options{Template: template})
		cluster := configuration.Cluster()
		if len(cluster.Text) > 400 || strings.ContainsAny(cluster.Text, "\" \n") {
			t.Errorf("the cluster %q is no cluster's name", cluster.Text)
		}
		lines := bytes.Count(source, []byte("\n")) + 1
		for _, setting := range configuration.Settings() {
			if setting.Line < 1 || setting.Line > lines || setting.Column < 1 {
				t.Errorf("%s is on line %d of %d, column %d", setting.Variable, setting.Line, lines, setting.Column)
			}
			if (setting.Unknown != "") == !setting.Value.IsZero() && setting.Unknown != "" {
				t.Errorf("%s is both known and not", setting.Variable)
			}
		}
		for _, s := range configuration.Secrets() {
			if s.Line < 1 || s.Line > lines {
				t.Errorf("a secret is on line %d of %d", s.Line, lines)
			}
		}
	})
}
