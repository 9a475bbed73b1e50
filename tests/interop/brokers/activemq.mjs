// ActiveMQ classic, the official distribution. Two plain listeners: `url` with the native transformer (messages pass
// untouched) and `jmsUrl` with the jms one (the default of an installation). AMQP over WebSocket on
// `wsUrl` and `wssUrl`. Users: guest/guest, system/manager, and anonymous.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STORE_PASSWORD } from "./certificates.mjs";
import { needDistribution } from "./install.mjs";
import { javaOptions, needJava } from "./java.mjs";
import { startProcess } from "./processes.mjs";
import { freePort } from "./system.mjs";

export const activemq = {
  async install(name) {
    await needJava(name);
    return { home: await needDistribution(name, "org.apache.activemq:apache-activemq:5.18.3:tar.gz:bin") };
  },

  async start(_name, folder, tls, { home }, { durable }) {
    const [port, jms, tlsPort, wsPort, wssPort] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
    await mkdir(join(folder, "tmp"), { recursive: true });
    await writeFile(join(folder, "server.p12"), tls.store);
    await writeFile(join(folder, "activemq.xml"), configuration(folder, { port, jms, tlsPort, wsPort, wssPort, durable }));
    await writeFile(join(folder, "log4j2.properties"), LOGGING);
    const places = { "activemq.home": home, "activemq.base": folder, "activemq.conf": folder, "activemq.data": join(folder, "data"), "java.io.tmpdir": join(folder, "tmp") };
    const args = [...javaOptions, ...OPENS, ...Object.entries(places).map(([key, value]) => `-D${key}=${value}`), `-Dlog4j2.configurationFile=file:${join(folder, "log4j2.properties")}`];
    const broker = startProcess("java", [...args, "-jar", join(home, "bin/activemq.jar"), "start", `xbean:file:${join(folder, "activemq.xml")}`], { log: join(folder, "broker.log") });
    return {
      processes: [broker],
      speaks: [port, jms],
      listens: [tlsPort, wsPort, wssPort],
      endpoints: {
        url: `amqp://guest:guest@127.0.0.1:${port}`, jmsUrl: `amqp://guest:guest@127.0.0.1:${jms}`, tlsUrl: `amqps://guest:guest@127.0.0.1:${tlsPort}`,
        wsUrl: `ws://guest:guest@127.0.0.1:${wsPort}/`, wssUrl: `wss://guest:guest@127.0.0.1:${wssPort}/`,
      },
    };
  },
};

const OPENS = ["java.base/java.lang", "java.base/java.util", "java.base/java.net", "java.base/java.security", "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic", "java.naming/javax.naming.spi"]
  .flatMap((one) => ["--add-opens", `${one}=ALL-UNNAMED`]);

const LOGGING = `rootLogger.level=INFO
rootLogger.appenderRef.console.ref=Console
appender.console.type=Console
appender.console.name=Console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %5p %c{1} %m%n
`;

const configuration = (folder, { port, jms, tlsPort, wsPort, wssPort, durable }) => `<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="interop" useJmx="false" dataDirectory="${folder}/data">
    <persistenceAdapter><kahaDB directory="${folder}/data/kahadb" journalDiskSyncStrategy="${durable ? "always" : "never"}"/></persistenceAdapter>
    <plugins>
      <simpleAuthenticationPlugin anonymousAccessAllowed="true">
        <users>
          <authenticationUser username="guest" password="guest" groups="users,admins"/>
          <authenticationUser username="system" password="manager" groups="users,admins"/>
        </users>
      </simpleAuthenticationPlugin>
    </plugins>
    <sslContext>
      <sslContext keyStore="file:${folder}/server.p12" keyStoreType="PKCS12" keyStorePassword="${STORE_PASSWORD}"/>
    </sslContext>
    <systemUsage>
      <systemUsage>
        <memoryUsage><memoryUsage limit="192 mb"/></memoryUsage>
        <storeUsage><storeUsage limit="2 gb"/></storeUsage>
        <tempUsage><tempUsage limit="1 gb"/></tempUsage>
      </systemUsage>
    </systemUsage>
    <transportConnectors>
      <transportConnector name="native" uri="amqp://127.0.0.1:${port}?transport.transformer=native"/>
      <transportConnector name="jms" uri="amqp://127.0.0.1:${jms}?transport.transformer=jms"/>
      <transportConnector name="tls" uri="amqp+ssl://127.0.0.1:${tlsPort}?transport.transformer=native"/>
      <transportConnector name="ws" uri="ws://127.0.0.1:${wsPort}"/>
      <transportConnector name="wss" uri="wss://127.0.0.1:${wssPort}"/>
    </transportConnectors>
  </broker>
</beans>
`;
