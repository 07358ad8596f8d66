--[[
---
name: glog
kind: decoder
summary: Parses the logs of programs that use glog or klog, as those of Kubernetes.
config:
  type:
    type: string
    default: glog
    description: The Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Whether the line is kept as the Payload.
---
I0501 12:00:00.123456    1234 server.go:95] listening on :8080

gives Timestamp (UTC, of the year that brings it nearest to now), Severity 6, Pid 1234, the fields file server.go and line 95, and the
Payload listening on :8080.

    inputs:
      kubelet: {type: file, path: /var/log/kubelet.log, decoder: glog}
--]]

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = require "glog".items(),
}
