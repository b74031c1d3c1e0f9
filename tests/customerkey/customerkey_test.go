package customerkey

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

func TestObjectsNeedTheirKey(t *testing.T) {
	exchange := func(operation, key, header string) awscall.Exchange {
		return awscall.Exchange{
			Call: awscall.Call{Service: "s3", Operation: operation, Status: 200}, Parameters: map[string]any{"Bucket": "b", "Key": key}, Header: http.Header{algorithm: {header}},
		}
	}
	store := &Store{}
	store.Observe(exchange("PutObject", "locked", "AES256"))
	store.Observe(exchange("PutObject", "plain", ""))
	for _, test := range []struct {
		operation, key, header string
		refused                bool
	}{
		{"GetObject", "locked", "", true}, {"HeadObject", "locked", "", true}, {"GetObject", "locked", "AES256", false},
		{"GetObject", "plain", "", false}, {"GetObject", "other", "", false},
	} {
		recorder := httptest.NewRecorder()
		refused := store.Supplements()["s3:"+test.operation](recorder, nil, exchange(test.operation, test.key, test.header))
		if refused != test.refused || refused && recorder.Code != http.StatusBadRequest {
			t.Errorf("%s of %s with %q: %v, %d", test.operation, test.key, test.header, refused, recorder.Code)
		}
	}
	// Written again, it can be read.
	store.Observe(exchange("PutObject", "locked", ""))
	if store.refuse(httptest.NewRecorder(), nil, exchange("GetObject", "locked", "")) {
		t.Error("an object without a key is refused")
	}
}
