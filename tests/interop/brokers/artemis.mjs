// Artemis, the official distribution, with a configuration written here instead of its "create" command (which takes
// seconds). Any address is an anycast queue, made on first use. User: guest/guest, and anonymous is guest; on a port of its own
// guest signs in with SCRAM, and nobody in any other way.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STORE_PASSWORD } from "./certificates.mjs";
import { needDistribution } from "./install.mjs";
import { javaOptions, needJava } from "./java.mjs";
import { startProcess } from "./processes.mjs";
import { freePort } from "./system.mjs";

export const artemis = {
  async install(name) {
    await needJava(name);
    return { home: await needDistribution(name, "org.apache.activemq:apache-artemis:2.33.0:tar.gz:bin") };
  },

  async start(_name, folder, tls, { home }, { durable }) {
    const [port, tlsPort, scramPort] = [await freePort(), await freePort(), await freePort()];
    const etc = join(folder, "etc");
    await mkdir(etc, { recursive: true });
    await mkdir(join(folder, "tmp"), { recursive: true });
    const files = {
      "server.p12": tls.store,
      "broker.xml": configuration(folder, { port, tlsPort, scramPort, durable }),
      "bootstrap.xml": `<broker xmlns="http://activemq.apache.org/schema">
  <jaas-security domain="interop"/>
  <server configuration="file:${etc}/broker.xml"/>
</broker>
`,
      "management.xml": `<management-context xmlns="http://activemq.apache.org/schema"/>\n`,
      "login.config": LOGIN,
      "users.properties": "guest = guest\n",
      "roles.properties": "amq = guest\n",
      "log4j2.properties": LOGGING,
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(etc, file), text);
    const places = {
      "artemis.home": home,
      "artemis.instance": folder,
      "artemis.instance.etc": etc,
      "data.dir": join(folder, "data"),
      "java.io.tmpdir": join(folder, "tmp"),
      "java.security.auth.login.config": join(etc, "login.config"),
      "log4j2.configurationFile": `file:${etc}/log4j2.properties`,
    };
    const args = [...javaOptions, ...Object.entries(places).map(([key, value]) => `-D${key}=${value}`), "-classpath", join(home, "lib/artemis-boot.jar")];
    const broker = startProcess("java", [...args, "org.apache.activemq.artemis.boot.Artemis", "run"], { log: join(folder, "broker.log"), cwd: folder });
    return {
      processes: [broker],
      speaks: [port, scramPort],
      listens: [tlsPort],
      endpoints: {
        url: `amqp://guest:guest@127.0.0.1:${port}`, tlsUrl: `amqps://guest:guest@127.0.0.1:${tlsPort}`, scramUrl: `amqp://guest:guest@127.0.0.1:${scramPort}`,
      },
    };
  },
};

const LOGIN = `interop {
  org.apache.activemq.artemis.spi.core.security.jaas.SCRAMLoginModule sufficient;
  org.apache.activemq.artemis.spi.core.security.jaas.PropertiesLoginModule sufficient
    reload=false
    org.apache.activemq.jaas.properties.user="users.properties"
    org.apache.activemq.jaas.properties.role="roles.properties";
  org.apache.activemq.artemis.spi.core.security.jaas.GuestLoginModule sufficient
    credentialsInvalidate=true
    org.apache.activemq.jaas.guest.user="guest"
    org.apache.activemq.jaas.guest.role="amq";
};
scram {
  org.apache.activemq.artemis.spi.core.security.jaas.SCRAMPropertiesLoginModule required
    reload=false
    org.apache.activemq.jaas.properties.user="users.properties"
    org.apache.activemq.jaas.properties.role="roles.properties";
};
`;

const LOGGING = `rootLogger.level=INFO
rootLogger.appenderRef.console.ref=Console
appender.console.type=Console
appender.console.name=Console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %5p %c{1} %m%n
`;

const PERMISSIONS = ["createNonDurableQueue", "deleteNonDurableQueue", "createDurableQueue", "deleteDurableQueue", "createAddress", "deleteAddress", "consume", "browse", "send"]
  .map((type) => `<permission type="${type}" roles="amq"/>`)
  .join("\n        ");

const configuration = (folder, { port, tlsPort, scramPort, durable }) => `<configuration xmlns="urn:activemq">
  <core xmlns="urn:activemq:core">
    <name>interop</name>
    <persistence-enabled>true</persistence-enabled>
    <journal-type>NIO</journal-type>
    <journal-datasync>${durable}</journal-datasync>
    <journal-min-files>2</journal-min-files>
    <journal-pool-files>4</journal-pool-files>
    <journal-sync-transactional>${durable}</journal-sync-transactional>
    <journal-sync-non-transactional>${durable}</journal-sync-non-transactional>
    <paging-directory>${folder}/data/paging</paging-directory>
    <bindings-directory>${folder}/data/bindings</bindings-directory>
    <journal-directory>${folder}/data/journal</journal-directory>
    <large-messages-directory>${folder}/data/large</large-messages-directory>
    <jmx-management-enabled>false</jmx-management-enabled>
    <disk-scan-period>5000</disk-scan-period>
    <max-disk-usage>-1</max-disk-usage>
    <critical-analyzer>false</critical-analyzer>
    <acceptors>
      <acceptor name="amqp">tcp://127.0.0.1:${port}?protocols=AMQP</acceptor>
      <acceptor name="scram">tcp://127.0.0.1:${scramPort}?protocols=AMQP;saslMechanisms=SCRAM-SHA-512,SCRAM-SHA-256;saslLoginConfigScope=scram</acceptor>
      <acceptor name="amqps">tcp://127.0.0.1:${tlsPort}?protocols=AMQP;sslEnabled=true;keyStorePath=${folder}/etc/server.p12;keyStoreType=PKCS12;keyStorePassword=${STORE_PASSWORD}</acceptor>
    </acceptors>
    <security-settings>
      <security-setting match="#">
        ${PERMISSIONS}
      </security-setting>
    </security-settings>
    <address-settings>
      <address-setting match="#">
        <redelivery-delay>0</redelivery-delay>
        <default-address-routing-type>ANYCAST</default-address-routing-type>
        <default-queue-routing-type>ANYCAST</default-queue-routing-type>
        <auto-create-queues>true</auto-create-queues>
        <auto-create-addresses>true</auto-create-addresses>
      </address-setting>
    </address-settings>
  </core>
</configuration>
`;
