package configobject_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Whatever is wrong with a file that has a password in it, no report shows the
// password, its base64 or a part of either.
func TestNoSecretLeaves(t *testing.T) {
	const canary = "hunter2-canary-5f1e"
	encoded := base64.StdEncoding.EncodeToString([]byte("robot:" + canary))
	files := map[string]string{
		"valid":          `ECS_ENGINE_AUTH_TYPE=docker` + "\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"username":"robot","password":"` + canary + `"}}` + "\n",
		"dockercfg":      `ECS_ENGINE_AUTH_TYPE=dockercfg` + "\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"auth":"` + encoded + `"}}` + "\n",
		"swapped":        `ECS_ENGINE_AUTH_TYPE=docker` + "\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"auth":"` + encoded + `"}}` + "\n",
		"broken":         `ECS_ENGINE_AUTH_TYPE=docker` + "\n" + `ECS_ENGINE_AUTH_DATA={"r.example.com":{"password":"` + canary + "\n",
		"no type":        "ECS_ENGINE_AUTH_DATA=" + canary,
		"without a name": "=" + canary + "\n" + canary + "\n",
		"as proxy":       "HTTP_PROXY=http://robot:" + canary + "@proxy:3128\n",
	}
	for name, content := range files {
		for _, key := range []string{"ecs.config", "web.env"} {
			t.Run(fmt.Sprintf("%s in %s", name, key), func(t *testing.T) {
				b := &bucket{versioning: true}
				b.put(key, files["valid"], nil)
				id := b.put(key, content, nil)
				function := configobject.New(restoring(finding.Enforce), configobject.Clients{Storage: b, Clusters: &clusters{}, Roles: b, Account: wholeAccount{b}, Identity: b, Region: "us-east-1"}, time.Now)
				described := function.Describe
				var printed strings.Builder
				function.Describe = func(action configobject.Action) finding.Action {
					_, _ = fmt.Fprintf(&printed, "%v %+v %#v", action, action, action)
					return described(action)
				}
				report := handleBy(t, function, uploaded(key, id))
				marshalled, err := json.Marshal(report)
				if err != nil {
					t.Fatal(err)
				}
				output := string(marshalled) + printed.String() + strings.Join(b.tagsOf(key, id), "\n")
				secrets := []string{canary, encoded, encoded[:16]}
				for _, secret := range secrets {
					if strings.Contains(output, secret) {
						t.Errorf("%q is shown in %s", secret, output)
					}
				}
			})
		}
	}
}
