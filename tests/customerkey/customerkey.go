// Package customerkey keeps objects that were encrypted with a customer's key
// (SSE-C) from being read without it, which the emulator doesn't mind.
package customerkey

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// algorithm is the header that says that a customer's key was given (Amazon S3
// User Guide, "Using server-side encryption with customer-provided keys").
const algorithm = "X-Amz-Server-Side-Encryption-Customer-Algorithm"

// Store knows which objects have a customer's key.
type Store struct {
	mutex     sync.Mutex
	encrypted map[string]bool
}

func place(exchange awscall.Exchange) string {
	return fmt.Sprint(exchange.Parameters["Bucket"], "/", exchange.Parameters["Key"])
}

// Observe notes how objects are written.
func (s *Store) Observe(exchange awscall.Exchange) {
	if exchange.Call.Name() != "s3:PutObject" || exchange.Call.Failed() {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.encrypted == nil {
		s.encrypted = map[string]bool{}
	}
	s.encrypted[place(exchange)] = exchange.Header.Get(algorithm) != ""
}

// Supplements refuse to read such an object without its key.
func (s *Store) Supplements() map[string]endpoint.Supplement {
	return map[string]endpoint.Supplement{"s3:GetObject": s.refuse, "s3:HeadObject": s.refuse}
}

func (s *Store) refuse(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	s.mutex.Lock()
	encrypted := s.encrypted[place(exchange)]
	s.mutex.Unlock()
	if !encrypted || exchange.Header.Get(algorithm) != "" {
		return false
	}
	if exchange.Call.Operation == "HeadObject" {
		writer.WriteHeader(http.StatusBadRequest)
		return true
	}
	endpoint.WriteS3Error(writer, http.StatusBadRequest, "InvalidRequest",
		"The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.", fmt.Sprint(exchange.Parameters["Bucket"]))
	return true
}
