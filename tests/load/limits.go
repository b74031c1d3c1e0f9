package load

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// quota is a bucket of calls and what it gets back each second.
type quota struct {
	burst     int
	perSecond rate.Limit
}

// groups says which of ECS's operations share a quota, and quotas how large it is
// in an account that asked for no more (Amazon ECS Developer Guide, "Request
// throttling for the Amazon ECS API").
var (
	groups = map[string]string{
		"ecs:DescribeTaskDefinition": "task definitions", "ecs:ListTaskDefinitions": "task definitions", "ecs:ListTaskDefinitionFamilies": "task definitions",
		"ecs:DescribeClusters": "clusters", "ecs:ListClusters": "clusters",
		"ecs:DescribeContainerInstances": "cluster resources", "ecs:DescribeTasks": "cluster resources", "ecs:ListContainerInstances": "cluster resources", "ecs:ListTasks": "cluster resources",
		"ecs:DescribeServices": "services", "ecs:ListServices": "services",
	}
	quotas = map[string]quota{
		"task definitions": {50, 20}, "clusters": {50, 20}, "cluster resources": {100, 20}, "services": {100, 20},
		// AWS publishes none for IAM; this is on the careful side.
		"iam": {15, 5},
	}
)

// limited is an endpoint that lets no more calls through than AWS does.
type limited struct {
	*httptest.Server
	throttled atomic.Int64
}

// limit starts one before another endpoint.
func limit(before string) (*limited, error) {
	target, err := url.Parse(before)
	if err != nil {
		return nil, fmt.Errorf("reading the endpoint's address: %w", err)
	}
	limiters := map[string]*rate.Limiter{}
	for name, quota := range quotas {
		limiters[name] = rate.NewLimiter(quota.perSecond, quota.burst)
	}
	made := &limited{}
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(target)
		// The signature is of the host that was called.
		request.Out.Host = request.In.Host
	}}
	made.Server = httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		exchange := awscall.Identify(request, body, time.Now())
		group := groups[exchange.Call.Name()]
		if exchange.Call.Service == "iam" {
			group = "iam"
		}
		if limiter := limiters[group]; limiter != nil && !limiter.Allow() {
			made.throttled.Add(1)
			if exchange.Protocol == awscall.Query {
				endpoint.WriteQueryError(writer, http.StatusBadRequest, "Throttling", "Rate exceeded")
			} else {
				endpoint.WriteJSONError(writer, http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
			}
			return
		}
		proxy.ServeHTTP(writer, request)
	}))
	return made, nil
}
