{{/* Ends the rendering with all contradictions in the values that their schema cannot tell. */}}
{{- define "acr.checks" -}}
{{- $problems := list -}}
{{- with .Values -}}
{{- if not .image.repository -}}
  {{- $problems = append $problems "image.repository: expected the image that you pushed, such as registry.example.com/acr-scan-exporter, found nothing" -}}
{{- end -}}
{{- if and .config .existingConfigMap -}}
  {{- $problems = append $problems "config, existingConfigMap: expected one of the two, found both" -}}
{{- else if not (kindIs "string" .config) -}}
  {{- $problems = append $problems (printf "config: expected a text (config: | or --set-file config=FILE), found a %s: Helm would turn the tag 1.10 into 1.1" (kindOf .config)) -}}
{{- else if .config -}}
  {{- $parsed := fromYaml .config -}}
  {{- if hasKey $parsed "Error" -}}
    {{- $problems = append $problems (printf "config: expected YAML, found: %s" $parsed.Error) -}}
  {{- else if not $parsed.instances -}}
    {{- $problems = append $problems "config: expected the key instances, found none" -}}
  {{- end -}}
{{- else if not .existingConfigMap -}}
  {{- $problems = append $problems "config: expected the text of the exporter's configuration (--set-file config=FILE), or the name of a ConfigMap in existingConfigMap, found nothing" -}}
{{- end -}}
{{- range .extraArgs -}}
  {{- $flag := regexFind "^--[^=]+" . -}}
  {{- if has $flag (list "--config.enable-auto-reload" "--config.file" "--log.format" "--log.level" "--storage.path" "--web.config.file" "--web.external-url" "--web.listen-address" "--web.route-prefix" "--web.systemd-socket" "--web.telemetry-path") -}}
    {{- $problems = append $problems (printf "extraArgs: expected flags that the chart does not set by itself, found %s" $flag) -}}
  {{- end -}}
{{- end -}}
{{- $paths := list "/etc/acr-scan-exporter" -}}
{{- range concat .secrets .extraVolumeMounts -}}
  {{- if has .mountPath $paths -}}
    {{- $problems = append $problems (printf "secrets, extraVolumeMounts: expected each mountPath once, and not that of the configuration, found %s again" .mountPath) -}}
  {{- end -}}
  {{- $paths = append $paths .mountPath -}}
{{- end -}}
{{- range $key, $labels := dict "commonLabels" .commonLabels "podLabels" .podLabels -}}
  {{- range $label := list "app.kubernetes.io/instance" "app.kubernetes.io/name" -}}
    {{- if hasKey $labels $label -}}
      {{- $problems = append $problems (printf "%s: expected other labels than those by which the Deployment and the Service select the pod, found %s" $key $label) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and .networkPolicy.proxy.to (not .networkPolicy.proxy.port) -}}
  {{- $problems = append $problems "networkPolicy.proxy.port: expected the port of the proxy beside networkPolicy.proxy.to, found none" -}}
{{- end -}}
{{- with .rrsa -}}
  {{- if and .roleName .roleArn -}}
    {{- $problems = append $problems "rrsa.roleName, rrsa.roleArn: expected one of the two, found both" -}}
  {{- end -}}
  {{- if ne (empty .roleArn) (empty .oidcProviderArn) -}}
    {{- $problems = append $problems "rrsa.roleArn, rrsa.oidcProviderArn: expected both, found one" -}}
  {{- end -}}
{{- end -}}
{{- if and .rrsa.roleName (not .serviceAccount.create) -}}
  {{- $problems = append $problems "rrsa.roleName: expected serviceAccount.create: true, found false: annotate your service account with pod-identity.alibabacloud.com/role-name instead" -}}
{{- end -}}
{{- if and .storage.existingClaim (ne .storage.kind "PersistentVolumeClaim") -}}
  {{- $problems = append $problems (printf "storage.existingClaim: expected storage.kind: PersistentVolumeClaim, found %s" .storage.kind) -}}
{{- end -}}
{{- if and (gt (int .replicas.count) 1) (not .replicas.redisUrlSecret) -}}
  {{- $problems = append $problems (printf "replicas.redisUrlSecret: expected a Secret with the URL of Redis, because replicas.count is %d, found nothing" (int .replicas.count)) -}}
{{- end -}}
{{- if .replicas.redisUrlSecret -}}
  {{- if and .replicas.max (lt (int .replicas.max) (int .replicas.count)) -}}
    {{- $problems = append $problems (printf "replicas.max: expected at least replicas.count, which is %d, found %d" (int .replicas.count) (int .replicas.max)) -}}
  {{- end -}}
  {{- if .storage.existingClaim -}}
    {{- $problems = append $problems "storage.existingClaim: expected nothing, because replicas keep what is known of tags in Redis, found a claim" -}}
  {{- end -}}
  {{- if eq .monitor.kind "ScrapeConfig" -}}
    {{- $problems = append $problems "monitor.kind: expected ServiceMonitor or PodMonitor, which scrape every pod, found ScrapeConfig" -}}
  {{- end -}}
  {{- if .existingConfigMap -}}
    {{- if or .replicas.group .replicas.max -}}
      {{- $problems = append $problems "replicas.group, replicas.max: expected nothing, because the configuration in existingConfigMap has them, found a value" -}}
    {{- end -}}
  {{- else if kindIs "string" .config -}}
    {{- if hasKey (fromYaml .config) "replicas" -}}
      {{- $problems = append $problems "config: expected no key replicas, because the chart adds it from its own values in replicas, found one" -}}
    {{- else if not (hasKey (fromYaml (include "acr.config" $)) "replicas") -}}
      {{- $problems = append $problems "config: expected block style without a line `---` or `...` at the end, because the chart adds the key replicas, found something else" -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if and .web.existingSecret .web.config -}}
  {{- $problems = append $problems "web.config, web.existingSecret: expected one of the two, found both" -}}
{{- end -}}
{{- if and .web.existingSecret (not .web.scheme) -}}
  {{- $problems = append $problems "web.scheme: expected http or https, because the chart does not see the web configuration in web.existingSecret, found nothing" -}}
{{- end -}}
{{- if and .monitor.kind (not .monitor.basicAuth) .web.config.basic_auth_users -}}
  {{- $problems = append $problems "monitor.basicAuth: expected the Secret with a name and password, because web.config.basic_auth_users requires one, found nothing" -}}
{{- end -}}
{{- with .events.ingress -}}
  {{- if and .enabled (not (and .host .tlsSecret)) -}}
    {{- $problems = append $problems "events.ingress: expected host and tlsSecret, because EventBridge sends the token over TLS, found nothing" -}}
  {{- end -}}
{{- end -}}
{{- if and .events.ingress.enabled (eq (include "acr.scheme" $) "https") -}}
  {{- $problems = append $problems "events.ingress: expected an exporter that serves http behind the ingress, found https" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.probes.kind "httpGet") (eq (include "acr.webRefuses" .) "true") -}}
  {{- $problems = append $problems "probes.kind: expected exec, because web.config requires a password or client certificate that kubelet does not have, found httpGet" -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "acr.fullname" .)) -}}
  {{- $problems = append $problems (printf "fullnameOverride, nameOverride, name of the release: expected a name for the Service, of lower-case letters, digits and hyphens, with a letter first, found %s: set fullnameOverride" (include "acr.fullname" .)) -}}
{{- end -}}
{{- with $problems }}{{ fail (printf "\n%s\n" (join "\n" .)) }}{{ end -}}
{{- end }}
