"""Formats of vendors' tokens, as tables.

`FORMATS` are recognized anywhere, by their prefix. `VENDOR_VALUES` look like any random text, so they are
recognized only as values assigned to a name that contains the vendor's name.

Identifiers that vendors call public (client ids, publishable keys) stay readable. The formats are facts that
vendors document. They were checked against the rules of gitleaks (MIT License, copyright
2019 Zachary Rice) as of July 2026; `tests/unit/test_secret_formats.py` creates and masks a token for each line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ABBREVIATIONS = {
    "<alnum>": "[A-Za-z0-9]",
    "<lower>": "[a-z0-9]",
    "<upper>": "[A-Z0-9]",
    "<hex>": "[0-9a-f]",
    "<hexes>": "[0-9a-fA-F]",
    "<word>": "[A-Za-z0-9_-]",
    "<base64>": "[A-Za-z0-9+/]",
    "<url>": "[A-Za-z0-9_=-]",
    "<uuid>": _UUID,
}


# One line of a table is one format, however long it is.
# ruff: noqa: E501


class Format(NamedTuple):
    """One format of tokens.

    Attributes:
        kind: vendor and type of token, as shown in the placeholder.
        prefix: its first characters, in exactly this spelling.
        rest: regular expression for the rest.
    """

    kind: str
    prefix: str
    rest: str


class VendorValue(NamedTuple):
    """A value that is a secret if it is assigned to a name that contains one of `names`.

    Attributes:
        kind: as shown in the placeholder.
        names: in lower case.
        value: regular expression for the whole value, case-insensitive.
    """

    kind: str
    names: tuple[str, ...]
    value: str


def _lines(table: str) -> Iterator[list[str]]:
    for line in table.splitlines():
        columns = line.split()
        if columns:
            for abbreviation, pattern in _ABBREVIATIONS.items():
                columns[-1] = columns[-1].replace(abbreviation, pattern)
            yield columns


def _formats(table: str) -> tuple[Format, ...]:
    return tuple(Format(kind, prefix, rest) for kind, prefixes, rest in _lines(table) for prefix in prefixes.split("|"))


def _vendor_values(table: str) -> tuple[VendorValue, ...]:
    return tuple(VendorValue(kind, tuple(names.split("|")), value) for kind, names, value in _lines(table))


# kind, prefixes, rest
FORMATS = _formats(r"""
    assent-token            assent_person_|assent_agent_    <alnum>{43,}
    1password-secret-key    A3-                             <upper>{6}-(?:<upper>{11}|<upper>{6}-<upper>{5})(?:-<upper>{5}){3}
    1password-token         ops_eyJ                         <base64>{100,}={0,3}
    adobe-secret            p8e-                            <alnum>{32}
    age-secret-key          AGE-SECRET-KEY-1                <upper>{58}
    airtable-token          pat                             <alnum>{14}\.<hex>{64}
    alibaba-key-id          LTAI                            <alnum>{16,26}
    anthropic-key           sk-ant-                         <word>{20,}
    artifactory-key         AKCp                            <alnum>{69,}
    artifactory-token       cmVmd                           <alnum>{59}
    atlassian-token         ATATT3|ATCTT3                   <url>{50,}
    authress-key            sc_|ext_|scauth_|authress_      <lower>{5,30}\.<lower>{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}
    aws-access-key-id       AKIA|ASIA|ABIA|ACCA             <upper>{16}
    aws-access-key-id       A3T                             <upper>{17}
    aws-bedrock-key         ABSK                            <base64>{109,}={0,2}
    aws-bedrock-key         bedrock-api-key-                <base64>{40,}={0,2}
    aws-session-token       IQoJb3JpZ2lu|FwoGZXIvYXdz       <base64>{80,}={0,2}
    bitbucket-password      ATBB                            <alnum>{32}
    brevo-key               xkeysib-|xsmtpsib-              <hex>{64}-<alnum>{16}
    buildkite-token         bkua_                           <hex>{40}
    buildkite-token         bkat_|bkaj_|bkpt_               <alnum>{40,}
    circleci-token          CCIPAT_|CCIPRJ_                 <alnum>{10,30}_<hex>{40}
    clickhouse-key          4b1d                            <alnum>{38}
    clojars-token           CLOJARS_                        <alnum>{60}
    cloudflare-origin-key   v1.0-                           <hex>{24}-<hex>{146}
    contentful-token        CFPAT-                          <word>{43}
    crates-token            cio                             (?=[A-Za-z]{0,31}[0-9])<alnum>{32}
    databricks-token        dapi                            <hex>{32}(?:-[0-9])?
    digitalocean-token      doo_v1_|dop_v1_|dor_v1_         <hex>{64}
    docker-token            dckr_pat_|dckr_oat_             <word>{20,}
    doppler-token           dp.pt.|dp.st.|dp.ct.|dp.sa.|dp.scim.|dp.audit. (?:[a-z0-9_-]{2,35}\.)?<alnum>{40,44}
    dropbox-token           sl.                             (?:u\.)?<url>{130,}
    duffel-token            duffel_test_|duffel_live_       <url>{43}
    dynatrace-token         dt0c01.|dt0s16.                 <alnum>{24}\.<alnum>{64}
    e2b-key                 e2b_                            <hex>{40}
    easypost-key            EZAK|EZTK                       <alnum>{54}
    elastic-key             essu_                           <base64>{40,}={0,2}
    facebook-token          EAAM|EAAC                       <alnum>{100,}
    figma-token             figd_|figo_                     <word>{40,}
    flutterwave-key         FLWSECK_TEST-|FLWSECK-          [A-Za-z0-9]{12,32}(?:-X)?
    flyio-token             fo1_                            <word>{43}
    flyio-token             fm1a_|fm1r_|fm2_                <base64>{100,}={0,3}
    frameio-token           fio-u-                          <url>{64}
    github-token            ghp_|gho_|ghu_|ghs_|ghr_        [A-Za-z0-9_]{36,}
    github-token            github_pat_                     [A-Za-z0-9_]{22,}
    gitlab-token            glpat-|gldt-|glrt-|glcbt-|glptt-|glsoat-|glft-|glffct-|glimt-|glagent-|gloas- [A-Za-z0-9_.-]{19,}<word>
    gitlab-token            GR1348941                       <word>{20,}
    gitlab-session          _gitlab_session=                <lower>{32}
    gocardless-token        live_                           (?=[A-Za-z_=-]{0,39}[0-9])<url>{40}
    google-api-key          AIza                            <word>{35}
    google-oauth-token      ya29.                           [A-Za-z0-9_.-]{20,}
    google-oauth-secret     GOCSPX-                         <word>{20,}
    grafana-token           glsa_                           [A-Za-z0-9_]{32,}
    grafana-token           glc_                            [A-Za-z0-9+/=]{32,}
    grafana-key             eyJrIjoi                        <alnum>{70,}={0,3}
    groq-key                gsk_                            <alnum>{40,}
    harness-key             pat.|sat.                       <word>{22}\.<alnum>{24}\.<alnum>{20}
    heroku-key              HRKU-AA                         <word>{58}
    hubspot-token           pat-na1-|pat-na2-|pat-eu1-|pat-ap1- <uuid>
    huggingface-token       hf_                             <alnum>{30,}
    huggingface-token       api_org_                        <alnum>{34}
    infracost-key           ico-                            (?=[A-Za-z]{0,31}[0-9])<alnum>{32}
    intra42-secret          s-s4t2ud-|s-s4t2af-             <hex>{64}
    jwt-in-base64           ZXlK                            <base64>{60,}={0,2}
    langsmith-key           lsv2_pt_|lsv2_sk_               <hex>{32}_<hex>{10}
    linear-key              lin_api_|lin_oauth_             <alnum>{32,}
    mailgun-key             key-                            <hex>{32}
    mongodb-atlas-secret    mdb_sa_sk_                      <word>{40,}
    neon-key                napi_                           <lower>{64}
    netlify-token           nfp_                            <alnum>{36,}
    newrelic-key            NRAK-                           <upper>{20,}
    newrelic-key            NRII-                           <word>{32}
    newrelic-key            NRJS-                           <hex>{19}
    notion-token            ntn_                            <alnum>{40,}
    notion-token            secret_                         (?=<alnum>{0,42}[0-9])<alnum>{43}
    npm-token               npm_                            <alnum>{36,}
    nuget-key               oy2                             <lower>{43}
    octopus-key             API-                            <upper>{26,}
    openai-key              sk-                             (?!ant-)(?=[A-Za-z_-]{0,}[0-9])<word>{20,}
    openshift-token         sha256~                         <word>{43}
    paypal-token            access_token$production$|access_token$sandbox$ <lower>{16}\$<hex>{32}
    perplexity-key          pplx-                           <alnum>{40,}
    pinecone-key            pcsk_                           [A-Za-z0-9_]{40,}
    plaid-token             access-sandbox-|access-development-|access-production- <uuid>
    planetscale-password    pscale_pw_                      [A-Za-z0-9_.=-]{30,}
    planetscale-token       pscale_tkn_|pscale_oauth_       [A-Za-z0-9_.=-]{30,}
    posthog-key             phx_                            <alnum>{40,}
    postman-key             PMAK-                           <word>{50,}
    prefect-key             pnu_|pnb_                       <alnum>{36}
    pulumi-token            pul-                            <hex>{40}
    pypi-token              pypi-                           <word>{50,}
    razorpay-key            rzp_live_|rzp_test_             <alnum>{14,}
    readme-key              rdme_                           <lower>{70}
    render-key              rnd_                            <alnum>{32}
    replicate-token         r8_                             <alnum>{30,}
    resend-key              re_                             <alnum>{8}_<alnum>{20,}
    rubygems-key            rubygems_                       <hex>{48}
    scalingo-token          tk-us-                          <word>{48}
    sendgrid-key            SG.                             <word>{16,32}\.<word>{16,}
    sentry-token            sntrys_                         [A-Za-z0-9_+/=.-]{40,}
    sentry-token            sntryu_                         <hex>{64}
    settlemint-token        sm_aat_|sm_pat_|sm_sat_         <alnum>{16}
    shippo-key              shippo_live_|shippo_test_       <hexes>{40}
    shopify-token           shpat_|shpca_|shppa_|shpss_     <hexes>{32}
    slack-token             xoxa-|xoxb-|xoxe-|xoxo-|xoxp-|xoxr-|xoxs- <word>{10,}
    slack-token             xoxe.xoxb-|xoxe.xoxp-           <word>{20,}
    slack-token             xapp-                           [0-9]-<word>{10,}
    sonar-token             squ_|sqp_|sqa_                  <hex>{40}
    sourcegraph-token       sgp_                            (?:(?:<hexes>{16}|local)_)?<hexes>{40}
    square-token            sq0atp-                         <word>{22,}
    square-token            sq0csp-                         <word>{43,}
    square-token            EAAA                            <word>{56,60}
    stripe-key              sk_live_|sk_test_|sk_prod_|rk_live_|rk_test_|rk_prod_ <alnum>{10,}
    stytch-secret           secret-live-|secret-test-       <url>{36,}
    supabase-token          sbp_                            <hex>{40}
    supabase-key            sb_secret_                      <word>{30,}
    tailscale-key           tskey-auth-|tskey-api-|tskey-client-|tskey-scim-|tskey-webhook- <word>{20,}
    tavily-key              tvly-                           <word>{30,}
    tencent-key-id          AKID                            <alnum>{32}
    twilio-key              SK                              <hexes>{32}
    typeform-token          tfp_                            [A-Za-z0-9_.=-]{59}
    vault-token             hvs.|hvb.|hvr.                  <word>{24,}
    vault-token             s.                              (?=<alnum>{0,23}[0-9])(?=<alnum>{0,23}[A-Z])<alnum>{24}
    webhook-secret          whsec_                          [A-Za-z0-9+/=]{20,}
    xai-key                 xai-                            <alnum>{60,}
    yandex-key              AQVN                            <word>{35,38}
    yandex-key              YC                              (?=[A-Za-z_-]{0,37}[0-9])<word>{38}
    yandex-token            t1.                             <word>{1,200}={0,2}\.<word>{86}={0,2}
""")

# kind, names, value
VENDOR_VALUES = _vendor_values(r"""
    adafruit-key            adafruit                    <word>{32}
    airtable-key            airtable                    <lower>{17}
    algolia-key             algolia                     <lower>{32}
    alibaba-secret          alibaba|aliyun              <lower>{30}
    asana-secret            asana                       <lower>{32}
    assemblyai-key          assemblyai                  <hex>{32}
    atlassian-token         atlassian|confluence|jira   <lower>{20}<hex>{4}
    beamer-token            beamer                      b_<url>{44}
    bitbucket-client        bitbucket                   <lower>{32}
    bitbucket-secret        bitbucket                   <url>{64}
    bittrex-key             bittrex                     <lower>{32}
    cisco-meraki-key        meraki                      <hex>{40}
    cloudflare-key          cloudflare                  <word>{40}
    cloudflare-key          cloudflare                  <hex>{37}
    codecov-token           codecov                     (?:<lower>{32}|<uuid>)
    cohere-key              cohere|co_api               <alnum>{40}
    coinbase-token          coinbase                    <word>{64}
    confluent-key           confluent                   <lower>{16}
    confluent-secret        confluent                   <lower>{64}
    contentful-token        contentful                  <url>{43}
    datadog-key             datadog                     (?:<lower>{40}|<hex>{32})
    deepgram-key            deepgram                    <hex>{40}
    dnkey                   dnkey                       dnkey-<url>{26}-<url>{52}
    discord-token           discord                     (?:<hex>{64}|[A-Za-z0-9_-]{23,28}\.<word>{6,7}\.<word>{27,40})
    discord-secret          discord                     <url>{32}
    droneci-token           droneci|drone_              <lower>{32}
    dropbox-token           dropbox                     (?:<lower>{15}|<lower>{11}AAAAAAAAAA<url>{43})
    etsy-token              etsy                        <lower>{24}
    facebook-secret         facebook                    <hex>{32}
    fastly-token            fastly                      <url>{32}
    finicity-token          finicity                    (?:<hex>{32}|<lower>{20})
    finnhub-token           finnhub                     <lower>{20}
    firebase-key            firebase|fcm                <word>{11}:<word>{140}
    flickr-token            flickr                      <lower>{32}
    freshbooks-token        freshbooks                  <lower>{64}
    gitter-token            gitter                      <word>{40}
    heroku-key              heroku                      <uuid>
    hubspot-key             hubspot                     <uuid>
    intercom-key            intercom                    <url>{60}
    jfrog-key               jfrog|artifactory|bintray|xray (?:<lower>{73}|<lower>{64})
    kraken-token            kraken                      [A-Za-z0-9/=_+-]{80,90}
    kucoin-key              kucoin                      (?:<hex>{24}|<uuid>)
    launchdarkly-token      launchdarkly                (?:<url>{40}|(?:sdk|api|mob)-<uuid>)
    linear-secret           linear                      <hex>{32}
    linkedin-secret         linkedin|linked_in|linked-in <lower>{16}
    lob-key                 lob_|lob-                   (?:live|test)_<hex>{35}
    looker-secret           looker                      (?:<lower>{20}|<lower>{24})
    mailchimp-key           mailchimp                   <hex>{32}-us[0-9]{1,2}
    mailgun-signing-key     mailgun                     <lower>{32}-<lower>{8}-<lower>{8}
    mapbox-token            mapbox                      [ps]k\.<alnum>{60}\.<word>{22}
    mattermost-token        mattermost                  <lower>{26}
    messagebird-key         messagebird|message_bird|message-bird (?:<lower>{25}|<uuid>)
    mistral-key             mistral                     <alnum>{32}
    netlify-token           netlify                     <url>{40,46}
    newrelic-key            newrelic|new-relic|new_relic (?:<lower>{64}|<hex>{36}NRAL)
    nytimes-key             nytimes|newyorktimes        <url>{32}
    okta-token              okta                        00[A-Za-z0-9_=-]{40}
    openrouter-key          openrouter                  <word>{60,}
    pagerduty-key           pagerduty|pager_duty        (?:<hex>{32}|<word>{20})
    plaid-key               plaid                       (?:<lower>{24}|<lower>{30})
    privateai-key           privateai|private_ai|private-ai <lower>{32}
    rapidapi-key            rapidapi                    <word>{50}
    sendbird-key            sendbird                    (?:<uuid>|<hex>{40})
    sentry-token            sentry                      <hex>{64}
    sidekiq-secret          contribsys                  <hex>{8}:<hex>{8}
    snyk-token              snyk                        <uuid>
    sonar-token             sonar                       <url>{40}
    splunk-token            splunk                      <uuid>
    squarespace-token       squarespace                 <uuid>
    sumologic-key           sumo                        <lower>{64}
    telegram-token          telegr                      [0-9]{5,16}:A<word>{34}
    trello-token            trello                      (?:<hex>{32}|<alnum>{64}|ATTA<alnum>{70,})
    travis-token            travis                      <alnum>{22}
    twilio-token            twilio                      <hex>{32}
    twitch-token            twitch                      <lower>{30}
    twitter-key             twitter                     (?:<lower>{25}|<lower>{45}|<lower>{50}|[0-9]{15,25}-<alnum>{20,40}|A{22}[a-z0-9%]{80,100})
    wandb-key               wandb                       <hex>{40}
    zendesk-secret          zendesk                     <lower>{40}
""")
