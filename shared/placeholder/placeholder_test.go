package placeholder

import "testing"

func TestIn(t *testing.T) {
	for image, want := range map[string]bool{
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/app": false,
		"account-id.dkr.ecr.us-east-1.amazonaws.com/app":   true,
		"xxxxxxxxxxxx.dkr.ecr.us-east-1.amazonaws.com/app": true,
		"registry.example.com/dkr.ecr/app":                 false,
		"acme/x.dkr.ecr.example":                           false,
	} {
		if got := In(image); got != want {
			t.Errorf("%s: got %v", image, got)
		}
	}
}
