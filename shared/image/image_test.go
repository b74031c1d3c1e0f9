package image_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
)

const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"nginx":                                          "docker.io/library/nginx",
		"nginx:1.27":                                     "docker.io/library/nginx",
		"nginx" + digest:                                 "docker.io/library/nginx",
		"library/nginx":                                  "docker.io/library/nginx",
		"acme/app":                                       "docker.io/acme/app",
		"acme/team/app:1":                                "docker.io/acme/team/app",
		"docker.io/nginx":                                "docker.io/library/nginx",
		"docker.io/acme/app:latest":                      "docker.io/acme/app",
		"index.docker.io/acme/app":                       "docker.io/acme/app",
		"registry-1.docker.io/acme/app":                  "docker.io/acme/app",
		"registry.hub.docker.com/library/redis":          "docker.io/library/redis",
		"registry-1.docker.io/nginx":                     "docker.io/library/nginx",
		"Docker.IO/nginx":                                "docker.io/library/nginx",
		"registry.example.com/app":                       "registry.example.com/app",
		"registry.example.com:5000/team/app:1.2.3":       "registry.example.com:5000/team/app",
		"registry.example.com:443/app":                   "registry.example.com/app",
		"Registry.Example.COM/app":                       "registry.example.com/app",
		"registry.gitlab.com/acme/group/app:v1" + digest: "registry.gitlab.com/acme/group/app",
		"localhost/app":                                  "localhost/app",
		"localhost:5000/app":                             "localhost:5000/app",
		"[2001:db8::1]/app":                              "[2001:db8::1]/app",
		"[2001:db8::1]:5000/team/app:1":                  "[2001:db8::1]:5000/team/app",
		"[2001:db8::1]:443/app":                          "[2001:db8::1]/app",
		"10.0.0.7:5000/app":                              "10.0.0.7:5000/app",
		"registry:5000/app":                              "registry:5000/app",
		"REGISTRY/app":                                   "REGISTRY/app",
		"registry:443/app":                               "registry:443/app",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app",
		"public.ecr.aws/nginx/nginx:latest":                  "public.ecr.aws/nginx/nginx",
		"a/b/c/d/e/f:t":                                      "docker.io/a/b/c/d/e/f",
		"app_with__under.score-and--dash":                    "docker.io/library/app_with__under.score-and--dash",
		"registry.example.com/" + strings.Repeat("a", 200):   "registry.example.com/" + strings.Repeat("a", 200),
	} {
		got, err := image.Parse(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "nginx ", "https://registry.example.com/app", "docker://nginx", "Nginx", "registry.example.com/App",
		"IMAGE_NAME", "<IMAGE>", "${IMAGE}", "nginx:", "nginx:a:b", "nginx@sha256:abc", "/nginx", "nginx/",
		"registry.example.com/", "registry.example.com//app", "[2001:db8::1/app", "nginx:" + strings.Repeat("a", 129),
		strings.Repeat("a", 64), "registry.example.com/" + strings.Repeat("a", 256), "a b/c", "nginx\n",
	} {
		if got, err := image.Parse(text); err == nil {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}

// TestMistakesHaveAFix: each says what to write, where that can be told, and what it
// proposes is an image.
func TestMistakesHaveAFix(t *testing.T) {
	for text, want := range map[string]string{
		"12345678901.dkr.ecr.us-east-1.amazonaws.com/app:1":     "11 digits, and an account has 12",
		"1234567890123.dkr.ecr.us-east-1.amazonaws.com/app:1":   "13 digits",
		"12345678901.dkr.ecr.cn-north-1.amazonaws.com.cn/app":   "11 digits",
		"12345678901.dkr-ecr.eu-west-1.on.aws/app":              "11 digits",
		"dkr.ecr.us-east-1.amazonaws.com/app":                   "without the account",
		"123456789012.dkr.ecr.amazonaws.com/app":                "without the Region",
		"acme.dkr.ecr.us-east-1.amazonaws.com/app":              "not the account's 12 digits",
		"evil.123456789012.dkr.ecr.us-east-1.amazonaws.com/app": "not the account's 12 digits",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com":          `"123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:tag"`,
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/":         "without a repository",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com:1.2":      "without a repository",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com" + digest: "without a repository",
		"12345678901.dkr.ecr.us-east-1.amazonaws.com":           "11 digits",
		"public.ecr.aws":                                          "without a repository",
		"ghcr.io:latest":                                          "without a repository",
		"hub.docker.com/r/acme/app":                               `: "acme/app".`,
		"hub.docker.com/_/nginx":                                  `: "nginx".`,
		"https://hub.docker.com/_/nginx":                          `: "nginx".`,
		"https://hub.docker.com/r/acme/app/tags":                  `: "acme/app".`,
		"https://Hub.Docker.com/repository/docker/acme/app":       `: "acme/app".`,
		"hub.docker.com/acme/app:1":                               `: "acme/app:1".`,
		"https://gallery.ecr.aws/nginx/nginx":                     `: "public.ecr.aws/nginx/nginx".`,
		"quay.io/repository/acme/app":                             `: "quay.io/acme/app".`,
		"https://registry.example.com/app:1":                      `: "registry.example.com/app:1".`,
		"docker://nginx":                                          `: "nginx".`,
		"https://":                                                `"://".`,
		"https://user:secret@registry.example.com/app":            `"://".`,
		"https://12345678901.dkr.ecr.us-east-1.amazonaws.com/app": `"://".`,
		digest[1:]:                        "a digest without the image",
		digest:                            "a digest without the image",
		"/acme/app":                       `: "acme/app".`,
		"//registry.example.com/app":      `: "registry.example.com/app".`,
		"/":                               "begins with a slash",
		"https:///app":                    "begins with a slash",
		"":                                "empty",
		"nginx:1 ":                        "white space",
		"Nginx":                           "docker would refuse it",
		"hub.docker.com/r/":               "a web page",
		"hub.docker.com/r/<script>/x":     "a web page",
		"hub.docker.com/r/hub.docker.com": "a web page",
	} {
		_, err := image.Parse(text)
		var problem image.Problem
		if !errors.As(err, &problem) {
			t.Errorf("%q: got %v", text, err)
			continue
		}
		if said := problem.What + " " + problem.Fix; !strings.Contains(said, want) || problem.Fix == "" || strings.Contains(said, "secret@") || strings.Contains(said, "<script>") {
			t.Errorf("%q: got %q, want %q", text, said, want)
		}
	}
}

func TestECR(t *testing.T) {
	for host, want := range map[string]image.ECR{
		"123456789012.dkr.ecr.us-east-1.amazonaws.com":                {Account: "123456789012", Region: "us-east-1"},
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       {Account: "123456789012", Region: "us-gov-west-1"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            {Account: "123456789012", Region: "cn-north-1"},
		"123456789012.dkr-ecr.eu-west-1.on.aws":                       {Account: "123456789012", Region: "eu-west-1"},
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": {Account: "123456789012", Region: "cn-north-1"},
		"123456789012.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu": {Account: "123456789012", Region: "eusc-de-east-1"},
		"123456789012.dkr-ecr-fips.us-gov-west-1.on.aws":              {Account: "123456789012", Region: "us-gov-west-1"},
		"123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov":         {Account: "123456789012", Region: "us-isof-south-1"},
		"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov":               {Account: "123456789012", Region: "us-iso-east-1"},
		"123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov":           {Account: "123456789012", Region: "us-isob-east-1"},
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu":            {Account: "123456789012", Region: "eusc-de-east-1"},
		"registry.example.com":                                        {},
		"123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example":   {},
		"vpce-0a1b2c.dkr.ecr.us-east-1.vpce.amazonaws.com":            {},
		"public.ecr.aws": {},
	} {
		reference, err := image.Parse(host + "/docker-hub/library/nginx:1")
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := reference.ECR(); got != want || ok != (want != image.ECR{}) {
			t.Errorf("%s: got %v, %v", host, got, ok)
		}
	}
}

func TestScope(t *testing.T) {
	tests := []struct {
		scope, want string
		serves      []string
		not         []string
	}{
		{"docker.io", "docker.io", []string{"nginx", "acme/app", "docker.io/x/y", "registry-1.docker.io/a/b"}, []string{"quay.io/acme/app", "docker.io.example.com/a"}},
		{"https://index.docker.io/v1/", "docker.io", []string{"nginx"}, []string{"public.ecr.aws/nginx/nginx"}},
		{"registry-1.docker.io/v2/", "docker.io", []string{"acme/app"}, nil},
		{"docker.io/acme", "docker.io/acme", []string{"acme/app", "acme/app/sub:1", "index.docker.io/acme/app"}, []string{"nginx", "acme2/app", "library/acme"}},
		{"docker.io/library", "docker.io/library", []string{"nginx", "library/redis"}, []string{"acme/app"}},
		{"docker.io/acme/app", "docker.io/acme/app", []string{"acme/app:1", "acme/app" + digest}, []string{"acme/application", "acme/other"}},
		{"registry.example.com", "registry.example.com", []string{"registry.example.com/a", "registry.example.com:443/a/b"}, []string{"registry.example.com:5000/a", "sub.registry.example.com/a"}},
		{"registry.example.com:5000", "registry.example.com:5000", []string{"registry.example.com:5000/a"}, []string{"registry.example.com/a", "registry.example.com:50001/a"}},
		{" Registry.Example.Com:443/ ", "registry.example.com", []string{"registry.example.com/a"}, nil},
		{"registry.gitlab.com/acme/*", "registry.gitlab.com/acme", []string{"registry.gitlab.com/acme/app"}, []string{"registry.gitlab.com/acmes/app"}},
		{"localhost:5000", "localhost:5000", []string{"localhost:5000/app"}, []string{"localhost/app"}},
		{"localhost", "localhost", []string{"localhost/app"}, []string{"app"}},
		{"2001:db8::1", "[2001:db8::1]", []string{"[2001:db8::1]/app"}, []string{"[2001:db8::2]/app"}},
		{"[2001:db8::1]:5000/team", "[2001:db8::1]:5000/team", []string{"[2001:db8::1]:5000/team/app"}, []string{"[2001:db8::1]:5000/app"}},
	}
	for _, test := range tests {
		t.Run(test.scope, func(t *testing.T) {
			scope, err := image.ParseScope(test.scope)
			if err != nil || scope.String() != test.want {
				t.Fatalf("got %q, %v; want %q", scope, err, test.want)
			}
			for want, images := range map[bool][]string{true: test.serves, false: test.not} {
				for _, text := range images {
					reference, err := image.Parse(text)
					if err != nil {
						t.Fatal(err)
					}
					if got := scope.Serves(reference); got != want {
						t.Errorf("serves %q: got %v", text, got)
					}
				}
			}
		})
	}
}

func TestScopeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "empty",
		"https://":                        "empty",
		"acme":                            `"docker.io/acme"`,
		"acme/app":                        `"docker.io/acme"`,
		"registry.example.com/A":          "lower case",
		"registry.example.com/app:1":      "tag and digest",
		"registry.example.com/a" + digest: "tag and digest",
		"registry .example.com":           "host",
		"registry.example.com:port":       "host",
		"123456789012.dkr.ecr.us-east-1.amazonaws.com": "Amazon ECR",
		"public.ecr.aws/acme":                          "Amazon ECR",
	} {
		got, err := image.ParseScope(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want an error with %q", text, got, err, want)
		}
	}
	// A login in the wrong tag is not shown to those who read findings.
	for _, text := range []string{"dckr_pat_AbCdEf", "dckr_pat_AbCdEf/x", "puller:dckr_pat_AbCdEf@registry.example.com", "registry.example.com/dckr_pat_AbCdEf", `{"password":"dckr_pat_AbCdEf"}`} {
		if _, err := image.ParseScope(text); err == nil || strings.Contains(err.Error(), "AbCdEf") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"nginx", "a.b:1/c@sha256:00", "[::1]:5/x", "https://a/b", "index.docker.io/v1/", "2001:db8::1/x", "/a/b", "hub.docker.com/r/a/b", "https://hub.docker.com/_/a", "1.dkr.ecr.us-east-1.amazonaws.com/a", "sha256:" + strings.Repeat("0", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if reference, err := image.Parse(text); err == nil {
			again, err := image.Parse(reference.String())
			if err != nil || again != reference {
				t.Errorf("%q is %q, and that is %q, %v", text, reference, again, err)
			}
		}
		// What a fix proposes is an image.
		var problem image.Problem
		if _, err := image.Parse(text); errors.As(err, &problem) {
			if problem.Instead != "" {
				if _, err := image.Parse(problem.Instead); err != nil {
					t.Errorf("%q has the fix %q: %v", text, problem.Fix, err)
				}
			}
		} else if err != nil {
			t.Errorf("%q: %v is no Problem", text, err)
		}
		if scope, err := image.ParseScope(text); err == nil {
			again, err := image.ParseScope(scope.String())
			if err != nil || again != scope {
				t.Errorf("the scope %q is %q, and that is %q, %v", text, scope, again, err)
			}
		}
	})
}
