"""boto 2 with Nova's DescribeInstancesV6, and what it sees and does through that, as JSON. HOME has .aws/credentials."""
import json
import sys

from boto.ec2.connection import EC2Connection
from boto.ec2.instance import Instance, Reservation
from boto.ec2.regioninfo import RegionInfo
from boto.exception import EC2ResponseError
from boto.resultset import ResultSet


class InstanceV6(Instance):
    dns_name_v6 = None

    def endElement(self, name, value, connection):
        if name == 'dnsNameV6':
            self.dns_name_v6 = value
        else:
            Instance.endElement(self, name, value, connection)


class ReservationV6(Reservation):
    def startElement(self, name, attrs, connection):
        if name == 'instancesSet':
            self.instances = ResultSet([('item', InstanceV6)])
            return self.instances
        return Reservation.startElement(self, name, attrs, connection)


class EC2ConnectionV6(EC2Connection):
    def get_all_reservations_v6(self, action='DescribeInstancesV6'):
        return self.get_list(action, {}, [('item', ReservationV6)])


def main(port, profile, stranger):
    conn = EC2ConnectionV6(profile_name=profile, is_secure=False, port=int(port), path='/services/Cloud',
                           region=RegionInfo(name='nova', endpoint='127.0.0.1'))

    def instances(action):
        return [[r.owner_id, i.id, i.ip_address, i.private_ip_address, i.dns_name, i.dns_name_v6, [g.name for g in r.groups]]
                for r in conn.get_all_reservations_v6(action) for i in r.instances]

    def rules():
        group = conn.get_all_security_groups(['default'])[0]
        return [[r.ip_protocol, r.from_port, r.to_port, [g.cidr_ip for g in r.grants]] for r in group.rules if r.grants[0].cidr_ip]

    def code(call, *args, **named):
        try:
            return call(*args, **named)
        except EC2ResponseError as e:
            return e.error_code

    group = conn.get_all_security_groups(['default'])[0]
    wrong = EC2Connection(conn.access_key, 'x' + conn.secret_key, is_secure=False, port=int(port), path='/services/Cloud', region=conn.region)
    answers = {
        'v6': instances('DescribeInstancesV6'),
        'plain': instances('DescribeInstances'),
        'by boto alone': [i.id for r in conn.get_all_reservations() for i in r.instances],
        'authorize': [group.authorize('tcp', 22, 22, cidr) for cidr in ('2001:db8::/32', '192.0.2.0/24')],
        'twice': code(conn.authorize_security_group, 'default', None, None, 'tcp', 22, 22, '2001:db8::/32'),
        'host bits': code(conn.authorize_security_group, 'default', None, None, 'tcp', 22, 22, '2001:db8::1/32'),
        'flat': conn.authorize_security_group_deprecated('default', ip_protocol='icmp', from_port=-1, to_port=-1, cidr_ip='::/0'),
        'rules': rules(),
        'revoke': [group.revoke('tcp', 22, 22, '2001:db8::/32')],
        'rules then': rules(),
        'revoke twice': code(conn.revoke_security_group, 'default', None, None, 'tcp', 22, 22, '2001:db8::/32'),
        'a stranger': code(conn.get_all_reservations, [stranger]),
        'run': code(conn.run_instances, 'ami-1'),
        'wrong secret': code(wrong.get_all_reservations),
        'addresses': [[a.public_ip, a.instance_id] for a in conn.get_all_addresses()],
    }
    json.dump(answers, sys.stdout)


main(*sys.argv[1:])
